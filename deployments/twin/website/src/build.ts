/** What was built: baked into the bundle by Vite from the VITE_* environment. */
export const build = {
  environment: import.meta.env.VITE_ENV,
  logLevel: import.meta.env.VITE_LOG_LEVEL,
  apiBaseUrl: import.meta.env.VITE_API_BASE_URL,
  reportsErrors: import.meta.env.VITE_SENTRY_DSN !== "",
  countsVisits: import.meta.env.VITE_ANALYTICS_KEY !== "",
  version: import.meta.env.VITE_VERSION,
  builtAt: import.meta.env.VITE_BUILD_DATE,
  commit: import.meta.env.VITE_GIT_COMMIT,
  branch: import.meta.env.VITE_GIT_BRANCH,
} as const;
