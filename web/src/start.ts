/**
 * When a file starts: at once, without a click.
 *
 * Uppy's own autoProceed would first run every failed file again whenever one is added, and keep the new one waiting for it.
 * Here only what was just chosen starts. Choosing a file that failed or that is only remembered means "go on with it".
 */

import type { UppyOptions } from '@uppy/core';
import type { Body, File, Meta, Page } from './types';
import type { Failure } from './words';

/**
 * run runs files, all as one upload: one for each would cost the square of their number. What goes wrong arrives as an
 * upload-error.
 */
export function run(uppy: Page, ids: readonly string[]): void {
	const fileIDs = ids.filter((id) => uppy.getFile(id));
	if (fileIDs.length === 0) return;
	uppy.patchFilesState(Object.fromEntries(fileIDs.map((id) => [id, { error: null, isPaused: false }])));
	const upload = `run-${Math.random().toString(36).slice(2)}`;
	uppy.setState({ currentUploads: { ...uppy.getState().currentUploads, [upload]: { fileIDs, step: 0, result: {} } } });
	uppy.restore(upload).catch(() => {});
}

/**
 * addAgain lets a file that failed be chosen once more: it goes on where it was. Others that are in the list are refused, save
 * ghosts, with which Uppy itself goes on.
 * Uppy would send "null" as the path of a file that came out of no folder; here it has none.
 */
export const addAgain: NonNullable<UppyOptions<Meta, Body>['onBeforeFileAdded']> = (file, files) => {
	const there = files[file.id];
	if (!there) {
		const { relativePath, ...meta } = file.meta;
		return { ...file, meta: relativePath ? { ...meta, relativePath } : meta } as File;
	}
	if (!there.error || file.isRemote || there.isRemote) return false;
	return { ...there, data: file.data, error: null, isGhost: false };
};

/** startAdded starts what is added. */
export function startAdded(uppy: Page, failures: Map<string, Failure>): void {
	uppy.on('files-added', (added) => {
		replaceLost(uppy, failures, added.filter((file) => !file.progress.uploadStarted));
		for (const file of added) failures.delete(file.id);
		run(uppy, added.map((file) => file.id));
	});
}

/**
 * A file that was changed on disk is another file to the browser. Chosen again, it takes the place of the one that failed. One
 * that is only remembered stays: a file of the same name may be another, and what was sent of the first is not ours to throw
 * away. Where two could be meant, neither goes.
 */
function replaceLost(uppy: Page, failures: ReadonlyMap<string, Failure>, fresh: readonly File[]): void {
	const lost = uppy.getFiles().filter((file) => {
		const failure = failures.get(file.id);
		return !file.isGhost && file.error && (failure === 'unreadable' || failure === 'gone');
	});
	if (lost.length === 0) return;
	for (const added of fresh) {
		const meant = lost.filter((file) => file.id !== added.id && file.name === added.name && file.meta.relativePath === added.meta.relativePath);
		if (meant.length === 1 && meant[0] && uppy.getFile(meant[0].id)) uppy.removeFile(meant[0].id);
	}
}
