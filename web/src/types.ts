/** Uppy's types, filled in with what a file carries here. */

import type { Uppy, UppyFile } from '@uppy/core';
import type { TusBody } from '@uppy/tus';

/** Meta is what a file carries to the server: name and type, and its path if it came out of a folder. */
export type Meta = { relativePath?: string | null; [key: string]: unknown };
export type File = UppyFile<Meta, TusBody>;
export type Page = Uppy<Meta, TusBody>;
export type { TusBody as Body };
