/**
 * When a file starts: at once, without a click.
 *
 * Uppy's own autoProceed would first run every failed file again whenever one is added, and keep the new one waiting for it.
 * Here only what was just chosen starts. Choosing a file that failed or that is only remembered means "go on with it".
 */

import type { UppyOptions } from '@uppy/core';
import type { Body, File, Meta, Page } from './upload';
import type { Failure } from './words';

/** retry runs one file. What goes wrong arrives as an upload-error. */
export function retry(uppy: Page, id: string): void {
	if (uppy.getFile(id)) uppy.retryUpload(id)?.catch(() => {});
}

/**
 * addAgain lets a file that failed be chosen once more: it goes on where it was. Others that are in the list are refused.
 * Uppy would send "null" as the path of a file that came out of no folder; here it has none.
 */
export const addAgain: NonNullable<UppyOptions<Meta, Body>['onBeforeFileAdded']> = (file, files) => {
	const there = files[file.id];
	if (!there) {
		const { relativePath, ...meta } = file.meta;
		return { ...file, meta: relativePath ? { ...meta, relativePath } : meta } as File;
	}
	if (!there.error || file.isRemote || there.isRemote) return false;
	return { ...there, data: file.data, error: null };
};

/** startAdded starts what is added. */
export function startAdded(uppy: Page, failures: Map<string, Failure>): void {
	uppy.on('files-added', (added) => {
		for (const file of added) {
			failures.delete(file.id);
			replaceLost(uppy, failures, file);
		}
		const fresh = added.filter((file) => !file.progress.uploadStarted);
		const others = uppy.getFiles().some((file) => file.error || (file.isGhost && !file.progress.uploadStarted));
		for (const file of added) if (others || file.progress.uploadStarted) retry(uppy, file.id);
		if (!others && fresh.length > 0) uppy.upload().catch(() => {});
	});
}

/** A file that was changed on disk is another file to the browser. Chosen again, it takes the place of the one that failed. */
function replaceLost(uppy: Page, failures: Map<string, Failure>, added: File): void {
	for (const file of uppy.getFiles()) {
		const failure = failures.get(file.id);
		const lost = file.error && (failure === 'unreadable' || failure === 'gone');
		if (lost && file.id !== added.id && file.name === added.name && file.meta.relativePath === added.meta.relativePath) {
			uppy.removeFile(file.id);
		}
	}
}
