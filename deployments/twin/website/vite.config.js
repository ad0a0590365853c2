import { defineConfig } from "vite";

export default defineConfig({
  build: {
    // Maps would publish the source; an error tracker gets them with `vite build --sourcemap hidden`.
    sourcemap: false,
  },
});
