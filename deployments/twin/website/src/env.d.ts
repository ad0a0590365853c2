interface ImportMetaEnv {
  readonly VITE_ENV: string;
  readonly VITE_LOG_LEVEL: string;
  readonly VITE_API_BASE_URL: string;
  readonly VITE_SENTRY_DSN: string;
  readonly VITE_ANALYTICS_KEY: string;
  readonly VITE_VERSION: string;
  readonly VITE_BUILD_DATE: string;
  readonly VITE_GIT_COMMIT: string;
  readonly VITE_GIT_BRANCH: string;
}
