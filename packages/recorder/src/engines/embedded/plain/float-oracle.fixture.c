/*
 * Runs single instructions for a test and writes what they did. float-oracle.fixture.ts writes the
 * table `stubs`: each runs one instruction on fa1, fa2, fa3 or a1, with the result in fa0 or a0.
 *
 * stdin:  records of 32 bytes: u32 stub, u32 fcsr, u64 rs1, u64 rs2, u64 rs3
 * stdout: records of 24 bytes: u64 f result, u64 x result, u64 fcsr
 */
#include <stdint.h>
#include <stdio.h>

struct in { uint32_t stub, fcsr; uint64_t rs1, rs2, rs3; };
struct out { uint64_t f, x, fcsr; };

extern void (*const stubs[])(void);

int main(void)
{
  struct in in;
  struct out out;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    register uint64_t result __asm__("a0") = 0;
    register uint64_t rs1 __asm__("a1") = in.rs1;
    register void (*stub)(void) __asm__("a2") = stubs[in.stub];
    __asm__ volatile(
      "fscsr %[fcsr]\n\t"
      "fmv.d.x fa0, zero\n\t"
      "fmv.d.x fa1, a1\n\t"
      "fmv.d.x fa2, %[rs2]\n\t"
      "fmv.d.x fa3, %[rs3]\n\t"
      "jalr ra, a2\n\t"
      "frcsr %[after]\n\t"
      "fmv.x.d %[f], fa0\n\t"
      : "+r"(result), [after] "=&r"(out.fcsr), [f] "=&r"(out.f)
      : "r"(rs1), "r"(stub), [fcsr] "r"(in.fcsr), [rs2] "r"(in.rs2), [rs3] "r"(in.rs3)
      : "ra", "fa0", "fa1", "fa2", "fa3", "memory");
    out.x = result;
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
