import { expect, test } from "vitest"
import { finding, row, statistics } from "./report.mjs"

const crash = `INFO: seed corpus: files: 3
#12	NEW    cov: 20 ft: 31 corp: 3/4b
==9==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1 at pc 0x2
READ of size 4 at 0x1 thread T0
    #0 0x1 in take cursor.c:28
    #1 0x2 in fuzzer::Fuzzer::ExecuteCallback(unsigned char const*, unsigned long) (x)
    #2 0x3 in __libc_start_call_main x.h:58

SUMMARY: AddressSanitizer: heap-buffer-overflow cursor.c:28 in take
Test unit written to /tmp/findings/crash-da39
stat::number_of_executed_units: 13
`

test("reads the figures of a run", () => {
  expect(statistics(crash)).toEqual({ executions: 13, edges: 20, features: 31 })
  expect(statistics("")).toEqual({ executions: undefined, edges: undefined, features: undefined })
})

test("keeps the sanitizer's first lines and the input, without the fuzzer's own frames", () => {
  const { input, words } = finding(crash)
  expect(input).toBe("/tmp/findings/crash-da39")
  expect(words).toMatch(/^==9==ERROR: AddressSanitizer: heap-buffer-overflow/)
  expect(words).toMatch(/take cursor.c:28/)
  expect(words).not.toMatch(/fuzzer::|__libc_start/)
})

test("a target that ends without a report shows its last lines", () => {
  expect(finding("a\nb: not found\n").words).toBe("a\nb: not found")
})

test("a row has all figures", () => {
  const share = { covered: 3, count: 4 }
  const result = {
    target: { name: "btf" },
    executions: 5,
    edges: 6,
    features: 7,
    inputs: 8,
    covered: { lines: share, regions: share }
  }
  expect(row(result)).toBe("ok    btf: 5 executions, 6 edges, 7 features, 8 inputs; lines 75% of 4, regions 75% of 4")
  expect(row({ target: { name: "btf" }, executions: 5, found: {} })).toBe("FOUND btf: after 5 executions")
})
