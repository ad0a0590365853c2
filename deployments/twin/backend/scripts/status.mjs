// Prints which migrations the database of DATABASE_URL has and lacks, as one line of JSON.
import { readdir } from "node:fs/promises";
import pg from "pg";

const MIGRATIONS = new URL("../migrations/", import.meta.url);
const TABLE = "pgmigrations"; // node-pg-migrate's default

async function known() {
  const files = await readdir(MIGRATIONS);
  return files.filter((file) => file.endsWith(".sql")).map((file) => file.slice(0, -".sql".length)).sort();
}

async function recorded(client) {
  const { rows: found } = await client.query("SELECT to_regclass($1) IS NOT NULL AS exists", [TABLE]);
  if (!found[0].exists) return [];
  const { rows } = await client.query(`SELECT name FROM ${TABLE} ORDER BY run_on, id`);
  return rows.map((row) => row.name);
}

async function status(connectionString) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const [files, applied] = await Promise.all([known(), recorded(client)]);
    const pending = files.filter((name) => !applied.includes(name));
    const unknown = applied.filter((name) => !files.includes(name));
    return { applied, pending, unknown };
  } finally {
    await client.end();
  }
}

try {
  if (!process.env.DATABASE_URL) throw new Error("DATABASE_URL is not set");
  console.log(JSON.stringify(await status(process.env.DATABASE_URL)));
} catch (error) {
  // A refused connection has no message of its own, only those of each address it tried.
  console.error(`could not read the migration status: ${error.message || error.code}`);
  process.exitCode = 1;
}
