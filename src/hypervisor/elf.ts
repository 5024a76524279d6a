/** Tool Interface Standard (TIS) Executable and Linking Format 1.2, "ELF Header" and "Program Header": 32-bit files. */

export const ELF_MAGIC = 0x464c457f;
export const EI_CLASS = 4;
export const EI_DATA = 5;
export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELF_HEADER_SIZE = 52;
export const ET_EXEC = 2;
export const EM_386 = 3;
export const E_TYPE = 16;
export const E_MACHINE = 18;
export const E_ENTRY = 24;
export const E_PHOFF = 28;
export const E_PHENTSIZE = 42;
export const E_PHNUM = 44;

export const PROGRAM_HEADER_SIZE = 32;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const P_OFFSET = 4;
export const P_VADDR = 8;
export const P_PADDR = 12;
export const P_FILESZ = 16;
export const P_MEMSZ = 20;
