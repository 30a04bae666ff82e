/**
 * `ktstr list`: lists what ktstr and the plugins have registered, and what is built in.
 *
 * @since 0.1.0
 */

import { ExitCode, type ReporterOutput } from "@ktstr/core"
import { suggestion } from "@ktstr/core/base"
import { layerRegistries, loadPlugins } from "@ktstr/harness"
import { Effect } from "effect"
import { type Invocation, UsageError } from "../parse/index.ts"
import { listings } from "./listings.ts"

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/**
 * Lists one kind or all kinds. As JSON, one kind is a list, and all kinds are an object of lists.
 *
 * @since 0.1.0
 * @category commands
 */
export const list = (invocation: Extract<Invocation, { command: "list" }>, { out }: ReporterOutput) =>
  Effect.gen(function* () {
    const named = invocation.args[0]
    const one = listings.find(({ name }) => name === named)
    if (named !== undefined && one === undefined) {
      const names = listings.map(({ name }) => name)
      return yield* new UsageError({ message: `unknown list kind '${named}'${suggestion(named, names)}` })
    }
    const plugins = yield* loadPlugins(process.cwd())
    const text = invocation.values.json
      ? one === undefined
        ? Effect.map(
            Effect.forEach(listings, (each) => Effect.map(each.json, (entries) => [each.key, entries] as const)),
            (all) => json(Object.fromEntries(all))
          )
        : Effect.map(one.json, json)
      : Effect.map(
          Effect.forEach(one === undefined ? listings : [one], ({ table }) => table),
          (tables) => tables.map((lines) => `${lines.join("\n")}\n`).join("\n")
        )
    yield* out.write(yield* Effect.provide(text, layerRegistries(plugins)))
    return ExitCode.pass
  })
