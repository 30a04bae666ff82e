import { describe, expect, it } from "vitest"
import { ktstr } from "./ktstr.ts"

/** Arguments that no run can come of, with the words that must be in the one line on stderr. */
const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
  [["run", "steady", "--topology", "0n1l1c1t"], /0n1l1c1t.*(NUMA|numaNodes).*at least 1/i],
  [["run", "steady", "--topology", "2n3l1c1t"], /2n3l1c1t.*3 LLCs.*2 NUMA nodes/],
  [["run", "steady", "--topology", "1n2l"], /1n2l.*NnNlNcNt/],
  [["run", "stedy"], /stedy.*did you mean.*steady/i],
  [["run", "steady", "--work-type", "SpinWiat"], /SpinWiat.*did you mean.*SpinWait/i],
  [["run", "steady", "--preset", "tiny-1lcl"], /tiny-1lcl.*did you mean.*tiny-1llc/i],
  [["run", "steady", "--work-type", "PipeIo", "--workers", "3"], /PipeIo requires num_workers divisible by 2, got 3/],
  [["run", "steady", "--duration", "0"], /duration.*0/],
  [["run", "steady", "--duration", "-3"], /duration.*-3/],
  [["run", "steady", "--duration", "abc"], /duration.*abc/],
  [["run", "steady", "--workers", "0"], /workers.*0/],
  [["run", "steady", "--format", "jsn"], /jsn.*did you mean.*json/i],
  [["run", "steady", "--vmm", "xen"], /xen/],
  [["run", "steady", "--kernel", "/nowhere/bzImage"], /\/nowhere\/bzImage/],
  [["rnu"], /rnu.*did you mean.*run/i],
  [["run", "steady", "--topolgy", "1n1l1c1t"], /topolgy.*did you mean.*topology/i],
  [["list", "scenaros"], /scenaros.*did you mean.*scenarios/i],
  [["kernel", "fech"], /fech.*did you mean.*fetch/i]
]

describe("bad input ends with 64 and one clear line", () => {
  it.each(cases)("%j", async (args, says) => {
    const { code, stdout, stderr } = await ktstr(args, { deadlineMs: 20_000 })
    expect(stderr.trim()).toMatch(says)
    expect(stderr.trim().split("\n")).toHaveLength(1)
    expect(stdout).toBe("")
    expect(code).toBe(64)
  })
})
