/** How the API is, as far as this browser can tell. */
export type Health =
  | { readonly state: "ok" | "degraded"; readonly version: string; readonly dependencies: Dependencies }
  | { readonly state: "unreachable"; readonly cause: string };

export type Dependencies = Readonly<Record<"database" | "redis", string>>;

const PATIENCE_MS = 5_000;

export async function askHealth(apiBaseUrl: string): Promise<Health> {
  try {
    const answer = await fetch(`${apiBaseUrl}/health`, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return readHealth(await answer.json());
  } catch (error) {
    return { state: "unreachable", cause: error instanceof Error ? error.message : String(error) };
  }
}

function readHealth(body: unknown): Health {
  return {
    state: text(body, "status") === "ok" ? "ok" : "degraded",
    version: text(body, "version"),
    dependencies: {
      database: text(field(body, "database"), "status"),
      redis: text(field(body, "redis"), "status"),
    },
  };
}

function field(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

function text(body: unknown, name: string): string {
  const value = field(body, name);
  return typeof value === "string" ? value : "?";
}
