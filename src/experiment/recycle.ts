/**
 * One flat memory per worker thread, used for one cell after the other.
 *
 * A new shared memory per cell is dear: V8 reserves more than 4 GiB of address space for each, and gives neither that nor the
 * pages back before it collects garbage, which a loop over cells may not let it do (300 memories of 16 MiB: 5 GiB resident).
 * The memory grows in place to the largest host so far; what the last cell's host used is zeroed before the next.
 */

const PAGE = 65536;
const MAX_PAGES = 65536;
/** A memory that grew beyond this is dropped when the next host needs less than a quarter of it. */
const KEPT_PAGES = (512 * 1024 ** 2) / PAGE;

/** Pages per memory.fill: lengths are 32-bit. */
const CHUNK = 16384;

/**
 * (module (import "env" "memory" (memory 1 65536 shared))
 *   (func (export "zero") (param i32 i32) (memory.fill (local.get 0) (i32.const 0) (local.get 1))))
 *
 * TypedArray.fill writes shared memory byte by byte, at about 1 GB/s; memory.fill is a memset.
 */
const ZERO = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x06, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x00], // type 0: (i32, i32) → ()
  ...[0x02, 0x12, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79], // import env.memory …
  ...[0x02, 0x03, 0x01, 0x80, 0x80, 0x04], // … a memory, shared, 1 to 65536 pages
  ...[0x03, 0x02, 0x01, 0x00], // function 0 of type 0
  ...[0x07, 0x08, 0x01, 0x04, 0x7a, 0x65, 0x72, 0x6f, 0x00, 0x00], // export "zero"
  ...[0x0a, 0x0d, 0x01, 0x0b, 0x00, 0x20, 0x00, 0x41, 0x00, 0x20, 0x01, 0xfc, 0x0b, 0x00, 0x0b],
]);
let zeroModule: WebAssembly.Module | undefined;

export class RecycledMemory {
  private memory: WebAssembly.Memory | undefined;
  /** Pages that a host was given since the last zeroing: everything beyond is zero. */
  private used = 0;
  private fill: ((address: number, length: number) => void) | undefined;

  /** Zeroed memory of at least so many pages. What was given before must no longer be in use. */
  readonly take = (pages: number): WebAssembly.Memory => {
    let memory = this.memory;
    const size = memory === undefined ? 0 : memory.buffer.byteLength / PAGE;
    if (memory === undefined || (size > KEPT_PAGES && pages < size / 4)) {
      memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });
    } else {
      this.zero(this.used);
      if (pages > size) memory.grow(pages - size);
    }
    if (memory !== this.memory) {
      this.memory = memory;
      zeroModule ??= new WebAssembly.Module(ZERO);
      this.fill = new WebAssembly.Instance(zeroModule, { env: { memory } }).exports.zero as typeof this.fill;
    }
    this.used = pages;
    return memory;
  };

  private zero(pages: number): void {
    for (let page = 0; page < pages; page += CHUNK) this.fill?.(page * PAGE, Math.min(CHUNK, pages - page) * PAGE);
  }
}
