/**
 * The AES S-box as a circuit on bit planes: one evaluation substitutes as many bytes as a plane has bits.
 *
 * The circuit is Boyar and Peralta's (2010): 32 AND, 81 XOR. It has no table and no branch, so its time and its addresses do
 * not depend on what it substitutes. FIPS 197, 5.1.1, "SubBytes()": S(a) = L(a⁻¹) ⊕ 63h. The constant is left out here and
 * sits in the round keys instead (aes.ts).
 *
 *   plane i of byte b: v128 at `planes` + 128 b + 16 i, i = 0 the least significant bit
 */

/** Bytes between the planes of one byte and those of the next. */
export const BYTE_PLANES: usize = 128;

function x(a: v128, b: v128): v128 {
  return v128.xor(a, b);
}

function n(a: v128, b: v128): v128 {
  return v128.and(a, b);
}

/** Replaces `count` bytes a by S(a) ⊕ 63h. */
export function substitute(planes: usize, count: usize): void {
  const end = planes + count * BYTE_PLANES;
  for (let p = planes; p < end; p += BYTE_PLANES) {
    const x7 = v128.load(p, 0);
    const x6 = v128.load(p, 16);
    const x5 = v128.load(p, 32);
    const x4 = v128.load(p, 48);
    const x3 = v128.load(p, 64);
    const x2 = v128.load(p, 80);
    const x1 = v128.load(p, 96);
    const x0 = v128.load(p, 112);
    // Linear: into the sums that the inversion in GF(((2²)²)²) multiplies.
    const y14 = x(x3, x5);
    const y13 = x(x0, x6);
    const y9 = x(x0, x3);
    const y8 = x(x0, x5);
    const t0 = x(x1, x2);
    const y1 = x(t0, x7);
    const y4 = x(y1, x3);
    const y12 = x(y13, y14);
    const y2 = x(y1, x0);
    const y5 = x(y1, x6);
    const y3 = x(y5, y8);
    const t1 = x(x4, y12);
    const y15 = x(t1, x5);
    const y20 = x(t1, x1);
    const y6 = x(y15, x7);
    const y10 = x(y15, t0);
    const y11 = x(y20, y9);
    const y7 = x(x7, y11);
    const y17 = x(y10, y11);
    const y19 = x(y10, y8);
    const y16 = x(t0, y11);
    const y21 = x(y13, y16);
    const y18 = x(x0, y16);
    // Not linear: the inversion.
    const t2 = n(y12, y15);
    const t4 = x(n(y3, y6), t2);
    const t6 = x(n(y4, x7), t2);
    const t7 = n(y13, y16);
    const t9 = x(n(y5, y1), t7);
    const t11 = x(n(y2, y7), t7);
    const t12 = n(y9, y11);
    const t14 = x(n(y14, y17), t12);
    const t16 = x(n(y8, y10), t12);
    const t21 = x(x(t4, t14), y20);
    const t22 = x(x(t6, t16), y19);
    const t23 = x(x(t9, t14), y21);
    const t24 = x(x(t11, t16), y18);
    const t25 = x(t21, t22);
    const t26 = n(t21, t23);
    const t27 = x(t24, t26);
    const t29 = x(n(t25, t27), t22);
    const t30 = x(t23, t24);
    const t31 = x(t22, t26);
    const t33 = x(n(t31, t30), t24);
    const t34 = x(t23, t33);
    const t35 = x(t27, t33);
    const t36 = n(t24, t35);
    const t37 = x(t36, t34);
    const t38 = x(t27, t36);
    const t40 = x(t25, n(t29, t38));
    const t41 = x(t40, t37);
    const t42 = x(t29, t33);
    const t43 = x(t29, t40);
    const t44 = x(t33, t37);
    const t45 = x(t42, t41);
    const z0 = n(t44, y15);
    const z1 = n(t37, y6);
    const z2 = n(t33, x7);
    const z3 = n(t43, y16);
    const z4 = n(t40, y1);
    const z5 = n(t29, y7);
    const z6 = n(t42, y11);
    const z7 = n(t45, y17);
    const z8 = n(t41, y10);
    const z9 = n(t44, y12);
    const z10 = n(t37, y3);
    const z11 = n(t33, y4);
    const z12 = n(t43, y13);
    const z13 = n(t40, y5);
    const z14 = n(t29, y2);
    const z15 = n(t42, y9);
    const z16 = n(t45, y14);
    const z17 = n(t41, y8);
    // Linear: back, and L.
    const c1 = x(z15, z16);
    const c2 = x(z10, c1);
    const c3 = x(z9, c2);
    const c4 = x(z0, z2);
    const c5 = x(z1, z0);
    const c6 = x(z3, z4);
    const c7 = x(z12, c4);
    const c8 = x(z7, c6);
    const c10 = x(c8, x(z8, c7));
    const c14 = x(c4, x(z3, z5));
    const c16 = x(z6, c8);
    const c17 = x(z14, c10);
    const c18 = x(x(z13, c1), c14);
    const s3 = x(c3, x(c6, c5));
    v128.store(p, x(z12, c18), 0);
    v128.store(p, x(c10, c18), 16);
    v128.store(p, x(x(c2, z11), c17), 32);
    v128.store(p, x(c14, s3), 48);
    v128.store(p, s3, 64);
    v128.store(p, x(x(c17, x(z15, c16)), z17), 80);
    v128.store(p, x(s3, c16), 96);
    v128.store(p, x(c3, c16), 112);
  }
}
