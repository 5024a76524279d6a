/**
 * Micro-operations and the blocks that hold them.
 *
 *   µop    ┌────────┬────┬────┬──────┬───────┬───────┬─────┬──────────┬──────────┐
 *          │ op u16 │ a  │ b  │ base │ index │ scale │ len │ disp i32 │ imm i32  │   16 bytes
 *          └────────┴────┴────┴──────┴───────┴───────┴─────┴──────────┴──────────┘
 *            0        2    3    4      5       6       7     8          12
 *
 * a, b, base and index are byte offsets of registers in the vCPU; `len` is the instruction's length on its last µop, 0 on the
 * address µops before it. A block is position independent: offsets count from its page's first byte.
 *
 *   block  { instruction count, first byte, byte after the last, target offsets 0 and 1, links 0 and 1,
 *           exchanged }, then µops
 *
 * Target 0 is where a true condition (or the only way) leads, target 1 the other; they are
 * exchanged where the Jcc is the negated one. A link is the address of the block there, or 0.
 */
export const UOP_SIZE: usize = 16;
export const UOP_A: usize = 2;
export const UOP_B: usize = 3;
export const UOP_BASE: usize = 4;
export const UOP_INDEX: usize = 5;
export const UOP_SCALE: usize = 6;
export const UOP_LENGTH: usize = 7;
export const UOP_DISP: usize = 8;
export const UOP_IMM: usize = 12;

// Fixed µops; those of the opcode table follow from 8 on.
export const UOP_UNDEFINED: u32 = 0; // #UD
export const UOP_FALL: u32 = 1; //      the block ends without a branch
export const UOP_STOP: u32 = 2; //      end of a stepped instruction
export const UOP_ADDRESS16: u32 = 3; // T0 = effective address of 16 bits
export const UOP_SEGMENT: u32 = 4; //   T0 = linear address, with the segment's checks
export const UOP_AL: u32 = 5; //        T1 = AL, for XLAT
export const UOP_TOO_LONG: u32 = 6; //  instruction longer than 15 bytes: #GP(0)
export const UOP_AHEAD: u32 = 7; //     what may fault before the operand's segment does: AHEAD_* in cpu/escape.ts

export const BLOCK_COUNT: usize = 0;
export const BLOCK_START: usize = 4;
export const BLOCK_END: usize = 8;
export const BLOCK_TARGET0: usize = 12;
export const BLOCK_TARGET1: usize = 16;
export const BLOCK_LINK0: usize = 20;
export const BLOCK_LINK1: usize = 24;
export const BLOCK_EXCHANGED: usize = 28;
export const BLOCK_HEADER: usize = 32;
export const BLOCK_INSTRUCTIONS: u32 = 64; // at most, per block

// What a µop leaves to its caller.
export const STATUS_NEXT: u32 = 0; //     go on with the next µop
export const STATUS_TRANSFER: u32 = 1; // VCPU_EIP holds the target
export const STATUS_BOUNDARY: u32 = 2; // VCPU_EIP is exact and the machine's mode may have changed
export const STATUS_FAULT: u32 = 3; //    the fault record is filled
