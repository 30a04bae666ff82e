/** Runs a body with a folder of its own against a kernel.org on loopback, and keeps what was logged. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { HttpClient } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { layerKernelCache, layerRemoteCaches } from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer, Logger, type Scope } from "effect"
import { layerHttp } from "../src/http/Proxy.ts"

const layer = Layer.provideMerge(Layer.merge(layerKernelCache, layerRemoteCaches), NodeContext.layer)

/** Runs a body with a folder of its own against a server at `base`. */
export const against = <A, E>(
  base: string,
  body: (scratch: string) => Effect.Effect<A, E, HttpClient.HttpClient | Layer.Layer.Success<typeof layer>>,
  variables: Readonly<Record<string, string>> = {}
): Effect.Effect<A, E, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-org-"))),
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true }))
  ).pipe(
    Effect.flatMap((scratch) =>
      body(scratch).pipe(
        Effect.provide(layerHttp),
        Effect.provide(layer),
        Effect.provide(Logger.remove(Logger.defaultLogger)),
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map(
              Object.entries({
                KTSTR_KERNEL_ORG: base,
                KTSTR_CACHE_DIR: join(scratch, "cache"),
                PATH: process.env.PATH ?? "",
                ...variables
              })
            )
          )
        )
      )
    )
  )

/** What an effect gives, and the warnings that a user would have read. */
export const withWarnings = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    return effect.pipe(
      Effect.map((value) => ({ value, warnings })),
      Effect.provide(Logger.add(logger))
    )
  })
