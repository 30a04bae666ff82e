/**
 * Decompressors of this machine as codecs: xz, lz4 and zstd, each a Debian package.
 *
 * @since 0.2.0
 */
import { spawn } from "node:child_process"
import type { PayloadCodec } from "@ktstr/core/image"
import { Effect } from "effect"

/** A program that unpacks standard input to standard output. */
interface Decompressor {
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Name of its Debian package. */
  readonly package: string
}

const messageKept = 4096

/** Last line on its standard error. */
const complaint = (stderr: string): string => stderr.trim().split("\n").at(-1)?.trim() ?? ""

/**
 * Makes a codec from a program. The stream must unpack to exactly the promised size; a program that writes more is ended at once, so that no more is
 * ever held in memory. An interruption ends the program.
 */
const codecOf =
  ({ args, package: debian, program }: Decompressor): PayloadCodec =>
  (stream, size) =>
    Effect.async((resume) => {
      const out = new Uint8Array(size)
      let filled = 0
      let stderr = ""
      const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C" } })
      const fail = (message: string) => {
        child.kill("SIGKILL")
        resume(Effect.fail(new Error(message)))
      }
      child.once("error", (cause) =>
        fail(
          "code" in cause && cause.code === "ENOENT"
            ? `${program} not found in PATH: install it with: apt-get install ${debian}`
            : `can't start ${program}: ${cause.message}`
        )
      )
      // The program names the fault of the stream; a broken pipe after that is a consequence.
      child.stdin.on("error", () => {})
      child.stdin.end(stream)
      child.stdout.on("data", (bytes: Uint8Array) => {
        if (filled + bytes.length > size) return fail(`more than the ${size} bytes its trailer promises`)
        out.set(bytes, filled)
        filled += bytes.length
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr = (stderr + text).slice(-messageKept)
      })
      child.once("close", (code) => {
        if (code !== 0) return fail(complaint(stderr) || `${program} ended with ${code}`)
        if (filled !== size) return fail(`${filled} bytes instead of the ${size} its trailer promises`)
        resume(Effect.succeed(out))
      })
      return Effect.sync(() => child.kill("SIGKILL"))
    })

/**
 * Unpacks an xz stream with any filters.
 *
 * @since 0.1.0
 * @category codecs
 */
export const xzCodec: PayloadCodec = codecOf({
  program: "xz",
  // The kernel's dictionary has at most 128 MiB; a stream that asks for more is refused.
  args: ["-dc", "--single-stream", "--memlimit-decompress=256MiB"],
  package: "xz-utils"
})

/**
 * Unpacks a legacy lz4 stream, as the kernel's build makes it.
 *
 * @since 0.1.0
 * @category codecs
 */
export const lz4Codec: PayloadCodec = codecOf({ program: "lz4", args: ["-dc"], package: "lz4" })

/**
 * Unpacks a zstd stream with a window of up to 128 MiB, the kernel's.
 *
 * @since 0.1.0
 * @category codecs
 */
export const zstdCodec: PayloadCodec = codecOf({ program: "zstd", args: ["-dcq", "--memory=256MB"], package: "zstd" })
