/**
 * The page permission table: rights of each domain on each frame. On chip; it changes in the hooks of populate_physmap and
 * decrease_reservation alone. Mapping and unmapping a granted page are the same two for the domain that maps it.
 *
 *   entry of a frame                                         shares of the frame, linked
 *   0       2       3        4      8        12      16      ┌───────────────────────┐   ┌──── …
 *   ┌───────┬───────┬────────┬──────┬────────┬───────┐   ┌─▶ │ frame │ rights │ next │──▶│
 *   │ OWNER │ STATE │ RIGHTS │ SLOT │ SHARES │ INDEX │───┘   └───────────────────────┘   └──── …
 *   └───────┴───────┴────────┴──────┴────────┴───────┘       number = domain × MAPTRACK_ENTRIES + grant handle
 *
 *   OPEN ──populate──▶ FRESH ──first write-back──▶ SEALED ──check fails──▶ BROKEN
 *     ◀──────────────────────decrease_reservation───────────────────────────┘
 */
import {
  FRAME_OWNER,
  FRAME_TYPE,
  FRAME_TYPE_SHARED,
  HOST_SMM_FRAMES,
  HOST_SMM_SHARES,
  MAPTRACK_ENTRIES,
  SMM_EXECUTE,
  SMM_FRAME_INDEX,
  SMM_FRAME_OWNER,
  SMM_FRAME_RIGHTS,
  SMM_FRAME_SHARES,
  SMM_FRAME_SIZE,
  SMM_FRAME_SLOT,
  SMM_FRAME_STATE,
  SMM_FRESH,
  SMM_KEY_DOMAIN,
  SMM_KEY_MODE,
  SMM_NOBODY,
  SMM_OPEN,
  SMM_READ,
  SMM_SHARE_FRAME,
  SMM_SHARE_NEXT,
  SMM_SHARE_RIGHTS,
  SMM_SHARE_SIZE,
  SMM_WRITE,
} from '../layout';
import { frameEntry } from '../mmu/frame';

const ALL: u32 = SMM_READ | SMM_WRITE | SMM_EXECUTE;

/** The frame's entry in the permission table. */
export function permissionOf(frame: u32): usize {
  return load<usize>(HOST_SMM_FRAMES) + (frame as usize) * SMM_FRAME_SIZE;
}

function share(index: u32): usize {
  return load<usize>(HOST_SMM_SHARES) + (index as usize) * SMM_SHARE_SIZE;
}

/** Rights of the domain with key-table entry `key` on a frame. */
export function rightsOn(key: usize, frame: u32): u32 {
  const p = permissionOf(frame);
  const domain = load<u32>(key, SMM_KEY_DOMAIN);
  if (load<u8>(p, SMM_FRAME_STATE) == SMM_OPEN) {
    // A domain without protection may use what is not protected, as its EPT says.
    if (load<u32>(key, SMM_KEY_MODE) == 0) return ALL;
    const entry = frameEntry(frame); // shared_info and the grant table are the hypervisor's, mapped into their owner
    if (load<u16>(entry, FRAME_TYPE) == FRAME_TYPE_SHARED && load<u16>(entry, FRAME_OWNER) == (domain as u16))
      return ALL;
  } else if (load<u16>(p, SMM_FRAME_OWNER) == (domain as u16)) {
    return (load<u8>(p, SMM_FRAME_RIGHTS) as u32) & ALL;
  }
  let rights: u32 = 0;
  for (let next = load<u32>(p, SMM_FRAME_SHARES); next != 0; ) {
    const at = share(next - 1);
    if ((next - 1) / MAPTRACK_ENTRIES == domain) rights |= load<u32>(at, SMM_SHARE_RIGHTS);
    next = load<u32>(at, SMM_SHARE_NEXT);
  }
  return rights;
}

/** Hook of populate_physmap: gives a frame to a protected domain, perhaps to be pinned; its counter is number `index` of the domain's. */
export function own(domain: u32, frame: u32, index: u32, rights: u32): void {
  const p = permissionOf(frame);
  store<u16>(p, domain as u16, SMM_FRAME_OWNER);
  store<u8>(p, SMM_FRESH, SMM_FRAME_STATE);
  store<u8>(p, rights as u8, SMM_FRAME_RIGHTS);
  store<u32>(p, 0, SMM_FRAME_SLOT);
  store<u32>(p, index, SMM_FRAME_INDEX);
}

/** Hook of decrease_reservation: nobody has rights on the frame any more. Its slot is empty. */
export function disown(frame: u32): void {
  const p = permissionOf(frame);
  store<u16>(p, SMM_NOBODY, SMM_FRAME_OWNER);
  store<u8>(p, SMM_OPEN, SMM_FRAME_STATE);
  store<u8>(p, 0, SMM_FRAME_RIGHTS);
}

/** Hook of populate_physmap: `domain` maps the granted `frame` under its grant handle `handle`. */
export function addShare(domain: u32, handle: u32, frame: u32, rights: u32): void {
  const index = domain * MAPTRACK_ENTRIES + handle;
  const at = share(index);
  const p = permissionOf(frame);
  store<u32>(at, frame, SMM_SHARE_FRAME);
  store<u32>(at, rights, SMM_SHARE_RIGHTS);
  store<u32>(at, load<u32>(p, SMM_FRAME_SHARES), SMM_SHARE_NEXT);
  store<u32>(p, index + 1, SMM_FRAME_SHARES);
}

/** Hook of decrease_reservation: the mapping ends. Returns the frame that it showed. */
export function removeShare(domain: u32, handle: u32): u32 {
  const index = domain * MAPTRACK_ENTRIES + handle;
  const at = share(index);
  const frame = load<u32>(at, SMM_SHARE_FRAME);
  let link = permissionOf(frame) + SMM_FRAME_SHARES;
  while (load<u32>(link) != index + 1) {
    if (load<u32>(link) == 0) return frame;
    link = share(load<u32>(link) - 1) + SMM_SHARE_NEXT;
  }
  store<u32>(link, load<u32>(at, SMM_SHARE_NEXT));
  store<u32>(at, 0, SMM_SHARE_RIGHTS);
  return frame;
}

/** Whether a mapping of the frame by another domain is left. */
export function isShared(frame: u32): bool {
  return load<u32>(permissionOf(frame), SMM_FRAME_SHARES) != 0;
}
