/**
 * A disk: Virtual I/O Device (VIRTIO) Version 1.2, 5.2, "Block Device". One queue, sectors of 512 bytes in the flat memory behind
 * all else, where no machine address reaches.
 *
 *   request: type u32 · reserved u32 · sector u64 │ data, n × 512 bytes │ status u8        (5.2.6, "Device Operation")
 *
 * A request is carried out as a whole when it is taken from the queue. What is wrong with it is told by its status.
 */
import {
  DEVICE_SCRATCH,
  DISK_CONFIG,
  DISK_CONFIG_SIZE,
  DISK_READ_ONLY,
  DISK_REQUESTS,
  DISK_SECTORS,
  DISK_STORE,
} from '../layout';
import { CHAIN_READ, CHAIN_WRITE, chainBytes, chainMove } from './virtqueue';

// 5.2.3, "Feature bits"
const F_SIZE_MAX: u64 = 1 << 1;
const F_SEG_MAX: u64 = 1 << 2;
const F_RO: u64 = 1 << 5;
const F_BLK_SIZE: u64 = 1 << 6;
const F_FLUSH: u64 = 1 << 9;
// 5.2.4, "Device configuration layout"
const CONFIG_CAPACITY: usize = 0; // u64
const CONFIG_SIZE_MAX: usize = 8;
const CONFIG_SEG_MAX: usize = 12;
const CONFIG_BLK_SIZE: usize = 20;
// 5.2.6
const T_IN: u32 = 0;
const T_OUT: u32 = 1;
const T_FLUSH: u32 = 4;
const T_GET_ID: u32 = 8;
const S_OK: u32 = 0;
const S_IOERR: u32 = 1;
const S_UNSUPP: u32 = 2;
const HEADER: u32 = 16;
const SECTOR_SHIFT: u32 = 9;
const ID_BYTES: u32 = 20;
// biome-ignore lint/correctness/noPrecisionLoss: a u64 of AssemblyScript
const ID: u64 = 0x6b736964676e6972; // "ringdisk"

/** Bytes of a segment and segments of a request: what bounds the work of one notification. */
const SIZE_MAX: u32 = 16384;
const SEG_MAX: u32 = 16;

/** The chain is no request at all. */
export const REQUEST_NONE: u32 = 0xffffffff;

/** Features of the disk, beside those of the transport. */
export function diskFeatures(device: usize): u64 {
  const features = F_SIZE_MAX | F_SEG_MAX | F_BLK_SIZE | F_FLUSH;
  return load<u32>(device, DISK_READ_ONLY) != 0 ? features | F_RO : features;
}

/** Writes the configuration space of a disk whose size is set. */
export function diskConfigure(device: usize): void {
  const config = device + DISK_CONFIG;
  memory.fill(config, 0, DISK_CONFIG_SIZE as usize);
  store<u64>(config, load<u32>(device, DISK_SECTORS) as u64, CONFIG_CAPACITY);
  store<u32>(config, SIZE_MAX, CONFIG_SIZE_MAX);
  store<u32>(config, SEG_MAX, CONFIG_SEG_MAX);
  store<u32>(config, 1 << SECTOR_SHIFT, CONFIG_BLK_SIZE);
}

/** Carries out the request in the chain of `n` descriptors. Returns the bytes that it has written, or REQUEST_NONE. */
export function diskRequest(device: usize, n: u32): u32 {
  const readable = chainBytes(device, n, CHAIN_READ);
  const writable = chainBytes(device, n, CHAIN_WRITE);
  if (readable < (HEADER as u64) || writable == 0) return REQUEST_NONE;
  store<u64>(device, load<u64>(device, DISK_REQUESTS) + 1, DISK_REQUESTS);
  const scratch = device + DEVICE_SCRATCH;
  const status = chainMove(device, n, CHAIN_READ, 0, HEADER, scratch)
    ? carryOut(device, n, readable - (HEADER as u64), writable - 1)
    : S_IOERR;
  store<u8>(scratch, status as u8);
  if (!chainMove(device, n, CHAIN_WRITE, writable - 1, 1, scratch)) return 0;
  return u32(min<u64>(writable, 0xfffffffe));
}

/** The request whose header is in DEVICE_SCRATCH, with so many bytes of data to read and to write. Returns its status. */
function carryOut(device: usize, n: u32, outBytes: u64, inBytes: u64): u32 {
  const scratch = device + DEVICE_SCRATCH;
  switch (load<u32>(scratch)) {
    case T_IN:
      return move(device, n, CHAIN_WRITE, 0, inBytes, load<u64>(scratch, 8));
    case T_OUT:
      if (load<u32>(device, DISK_READ_ONLY) != 0) return S_IOERR;
      return move(device, n, CHAIN_READ, HEADER as u64, outBytes, load<u64>(scratch, 8));
    case T_FLUSH:
      return S_OK; // nothing is held back
    case T_GET_ID: {
      // 5.2.6: up to 20 bytes, ended by a zero if there is room
      const id = device + DEVICE_SCRATCH;
      memory.fill(id, 0, ID_BYTES as usize);
      store<u64>(id, ID);
      return chainMove(device, n, CHAIN_WRITE, 0, u32(min<u64>(inBytes, ID_BYTES as u64)), id) ? S_OK : S_IOERR;
    }
    default:
      return S_UNSUPP;
  }
}

/** Moves sectors between the disk and offset `skip` of a part of the chain. */
function move(device: usize, n: u32, part: u32, skip: u64, bytes: u64, sector: u64): u32 {
  const sectors = load<u32>(device, DISK_SECTORS) as u64;
  if ((bytes & ((1 << SECTOR_SHIFT) - 1)) != 0 || bytes > u64(SIZE_MAX * SEG_MAX)) return S_IOERR;
  if (sector > sectors || bytes >> (SECTOR_SHIFT as u64) > sectors - sector) return S_IOERR;
  const at = load<usize>(device, DISK_STORE) + ((sector as usize) << SECTOR_SHIFT);
  return chainMove(device, n, part, skip, bytes as u32, at) ? S_OK : S_IOERR;
}
