/** One case: the record that native.c reads and writes. */
export const RECORD_SIZE = 448;
export const CODE = 0; //      12 bytes, padded with NOP
export const TRAP = 12; //     in: offset of the operand in its area; out: 0, or 256 + vector
export const EAX = 16;
export const ECX = 20;
export const EDX = 24;
export const EFLAGS = 28;
export const IMAGE = 32; //    288 bytes of FXSAVE image
export const MEMORY = 320; //  128 bytes of operand area
export const IMAGE_SIZE = 288;
export const MEMORY_SIZE = 128;

// Within the record
export const FCW = IMAGE;
export const FSW = IMAGE + 2;
export const FTW = IMAGE + 4;
export const FOP = IMAGE + 6;
export const MXCSR = IMAGE + 24;
export const ST = IMAGE + 32;
export const XMM = IMAGE + 160;

/** A view over one record of a batch. */
export class Case {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(batch: Uint8Array, index: number) {
    this.bytes = batch.subarray(index * RECORD_SIZE, (index + 1) * RECORD_SIZE);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, RECORD_SIZE);
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }
  u32(at: number): number {
    return this.view.getUint32(at, true);
  }
  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }
  set16(at: number, value: number): void {
    this.view.setUint16(at, value, true);
  }
  set32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  get code(): Uint8Array {
    return this.bytes.subarray(CODE, CODE + 12);
  }
  /** An 80-bit value as hexadecimal digits: sign and exponent, significand. */
  extended(at: number): string {
    return `${this.u16(at + 8)
      .toString(16)
      .padStart(4, '0')}:${this.u64(at).toString(16).padStart(16, '0')}`;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The whole case in words, for a failure's report. */
export function describeCase(c: Case): string {
  const lines = [
    `code ${hex(c.code).replace(/(90)+$/, '')} trap ${c.u32(TRAP)} eax ${c.u32(EAX).toString(16)} ecx ${c
      .u32(ECX)
      .toString(16)} edx ${c.u32(EDX).toString(16)} eflags ${c.u32(EFLAGS).toString(16)}`,
    `fcw ${c.u16(FCW).toString(16)} fsw ${c.u16(FSW).toString(16)} ftw ${c.bytes[FTW]!.toString(16)} fop ${c
      .u16(FOP)
      .toString(16)} mxcsr ${c.u32(MXCSR).toString(16)}`,
  ];
  for (let i = 0; i < 8; i++) {
    const xmm = hex(c.bytes.slice(XMM + 16 * i, XMM + 16 * i + 16).reverse());
    lines.push(`st${i} ${c.extended(ST + 16 * i)}  xmm${i} ${xmm}`);
  }
  lines.push(`mem ${hex(c.bytes.subarray(MEMORY, MEMORY + 32))}`);
  return lines.join('\n');
}
