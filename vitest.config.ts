import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import core from "./core/package.json" with { type: "json" }

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Rooms of core as its subpaths: `./kernel`. */
const coreRooms = Object.keys(core.exports).filter((path) => path !== ".")

/** Workspaces are tested from their sources, so that no test depends on a build. */
const alias = {
  // Before the whole, which is the beginning of their names.
  ...Object.fromEntries(
    coreRooms.map((path) => [`@ktstr/core${path.slice(1)}`, at(`core/src${path.slice(1)}/index.ts`)])
  ),
  "@ktstr/core": at("core/src/index.ts"),
  "@ktstr/work-types": at("plugins/work-types/src/index.ts"),
  "@ktstr/scenarios": at("plugins/scenarios/src/index.ts"),
  "@ktstr/schedulers": at("plugins/schedulers/src/index.ts"),
  "@ktstr/output-formats": at("plugins/output-formats/src/index.ts"),
  "@ktstr/reporters": at("plugins/reporters/src/index.ts"),
  "@ktstr/vmm-qemu": at("plugins/vmm-qemu/src/index.ts"),
  "@ktstr/kernel-sources": at("plugins/kernel-sources/src/index.ts"),
  "@ktstr/vitest/plugin": at("plugins/vitest/src/Plugin.ts"),
  "@ktstr/harness": at("plugins/harness/src/index.ts"),
  "@ktstr/vitest": at("plugins/vitest/src/index.ts"),
  "@ktstr/native": at("native/lib/index.ts")
}

const files = (...names: ReadonlyArray<string>): Array<string> => names.map((name) => `test/${name}.e2e.ts`)

/** Their emulated machines keep the host's time, and verdicts depend on it: one file after the other, when all others are done. */
const timed = files(
  "busyHost",
  "faults",
  "fixtureScheduler",
  "imperative",
  "native",
  "payloads",
  "run",
  "testCommand",
  "vmm-qemu"
)

/** They keep the host's time, too, in machines inside an emulated machine, which are too slow to wait for one another. */
const nested = files("host", "lab")

/**
 * A host that others use as well can fail what keeps its time: one second try. Whatever runs in virtual time, or does not depend on time,
 * is tried once. `test/all/main.mjs` names each test that passed at its second try, and fails when there are more than three.
 */
const onHostTime = { retry: 1 }

const endToEnd = {
  globalSetup: at("test/prepare.ts"),
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Where a file runs machines side by side, as all do in virtual time.
  maxConcurrency: 2,
  pool: "forks" as const
}

export default defineConfig({
  resolve: { alias },
  test: {
    // Files at a time; vitest itself would leave a CPU free.
    maxWorkers: 2,
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          include: [
            "core/test/**/*.test.ts",
            "plugins/*/test/**/*.test.ts",
            "native/test/**/*.test.ts",
            "cli/test/**/*.test.ts",
            "test/all/*.test.mjs",
            "test/checks/*.test.mjs",
            "test/fuzz/*.test.mjs"
          ],
          setupFiles: at("test/eventLoopTurn.ts"),
          // Only for tests that hang: beside other work, a test of three seconds took forty.
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        resolve: { alias },
        test: { ...endToEnd, name: "e2e", include: ["test/**/*.e2e.ts"], exclude: [...timed, ...nested] }
      },
      {
        resolve: { alias },
        test: { ...endToEnd, ...onHostTime, name: "e2e-nested", include: nested }
      },
      {
        resolve: { alias },
        test: {
          ...endToEnd,
          ...onHostTime,
          name: "e2e-timed",
          include: timed,
          poolOptions: { forks: { singleFork: true } }
        }
      }
    ]
  }
})
