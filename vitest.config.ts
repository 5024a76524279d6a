import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    setupFiles: ['test/seed.ts'],
    include: ['test/**/*.test.ts'],
    // Generous: what takes seconds on a quiet machine takes minutes on one that is shared.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    minWorkers: 1,
  },
});
