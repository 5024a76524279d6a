/** The guests that come with Ringfence: guests/manifest.json, and what the same C prints natively. */

export interface Catalogue {
  readonly names: readonly string[];
  /** Absolute path of the guest's image. */
  readonly find: (name: string) => string | undefined;
  /** Whether the native output of this guest with this command line is recorded. */
  readonly hasNative: (name: string, cmdline: string) => boolean;
  /** The recorded checksums, in the order of printing. */
  readonly native: (name: string, cmdline: string) => readonly string[] | undefined;
}

/** A guest is given by its name in the catalogue, or by a path. */
export function looksLikePath(guest: string): boolean {
  return /[/\\]|\.elf$/i.test(guest);
}
