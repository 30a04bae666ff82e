/** This machine's file system with `/boot` and `/lib/modules` in a directory of the test's own. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Effect, Layer } from "effect"

const moved = /^\/(boot|lib\/modules)(\/|$)/

/** Everything of `NodeContext`; paths below the two directories lead into `root`. */
export const layerMachineAt = (root: string): Layer.Layer<NodeContext.NodeContext> => {
  const layerFiles = Layer.effect(
    FileSystem.FileSystem,
    Effect.map(
      FileSystem.FileSystem,
      (fs) =>
        new Proxy(fs, {
          get: (target, name, receiver) => {
            const member: unknown = Reflect.get(target, name, receiver)
            if (typeof member !== "function") return member
            return (path: unknown, ...rest: ReadonlyArray<unknown>) =>
              member.call(target, typeof path === "string" && moved.test(path) ? root + path : path, ...rest)
          }
        })
    )
  )
  return Layer.provideMerge(layerFiles, NodeContext.layer)
}
