import "./style.css";

import { build } from "./build";
import { askHealth, type Health } from "./health";
import { type Language, preferredLanguage, type Text, texts } from "./texts";

type Row = readonly [label: Text, value: string];

interface Shown {
  language: Language;
  health?: Health;
}

const shown: Shown = { language: preferredLanguage(navigator.languages) };

function say(text: Text): string {
  return texts[shown.language][text];
}

function element(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

function showRows(selector: string, rows: readonly Row[]): void {
  const cells = rows.flatMap(([label, value]) => {
    const term = document.createElement("dt");
    term.textContent = say(label);
    const detail = document.createElement("dd");
    detail.textContent = value;
    return [term, detail];
  });
  element(selector).replaceChildren(...cells);
}

function buildRows(): Row[] {
  return [
    ["version", build.version],
    ["commit", build.commit],
    ["branch", build.branch],
    ["builtAt", build.builtAt],
    ["environment", build.environment],
    ["apiBaseUrl", build.apiBaseUrl],
    ["logLevel", build.logLevel],
    ["reportsErrors", say(build.reportsErrors ? "on" : "off")],
    ["countsVisits", say(build.countsVisits ? "on" : "off")],
  ];
}

function healthRows(): Row[] {
  const { health } = shown;
  if (health === undefined || health.state === "unreachable") return [];
  return [
    ["apiVersion", health.version],
    ["database", health.dependencies.database],
    ["redis", health.dependencies.redis],
  ];
}

function show(): void {
  document.documentElement.lang = shown.language;
  for (const place of document.querySelectorAll<HTMLElement>("[data-text]")) {
    place.textContent = say(place.dataset["text"] as Text);
  }
  element("#language").textContent = say("otherLanguage");
  const state = shown.health?.state ?? "asking";
  element("#health").dataset["state"] = state;
  element("#health").textContent = say(state);
  showRows("#dependencies", healthRows());
  showRows("#build", buildRows());
}

element("#language").addEventListener("click", () => {
  shown.language = shown.language === "ko" ? "en" : "ko";
  show();
});
show();
shown.health = await askHealth(build.apiBaseUrl);
show();
