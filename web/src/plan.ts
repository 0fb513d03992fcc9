/**
 * What of the files that came back is to run: all but those that cannot (ghosts, whose bytes are not here, and finished ones)
 * and those that should not without being asked (a person had paused them, or they had failed).
 */

import type { File, Page } from './types';

type State = ReturnType<Page['getState']>;
type CurrentUploads = State['currentUploads'];
type Files = State['files'];

export interface Plan {
	/** The uploads as they are to run. */
	currentUploads: CurrentUploads;
	/** Files that belong to no upload yet. */
	fresh: string[];
	/** Files that stay paused until somebody resumes them. */
	dormant: string[];
}

/**
 * merge puts what came back beside what was in the list before. Of a file that is both, the one in the list stays: it runs. A ghost
 * can only be chosen again, so why it once failed no longer matters.
 */
export function merge(before: Files, restored: Files): { files: Files; back: File[] } {
	const back = Object.values(restored)
		.filter((file) => !before[file.id])
		.map((file) => (file.isGhost && file.error ? { ...file, error: null } : file));
	return { files: { ...before, ...Object.fromEntries(back.map((file) => [file.id, file])) }, back };
}

/** plan sorts what came back. */
export function plan(files: readonly Pick<File, 'id' | 'isGhost' | 'isPaused' | 'error' | 'progress'>[], currentUploads: CurrentUploads): Plan {
	const result: Plan = { currentUploads: {}, fresh: [], dormant: [] };
	const runnable = new Set<string>();
	for (const file of files) {
		if (file.progress.uploadComplete || file.isGhost || file.error) continue;
		if (file.isPaused) result.dormant.push(file.id);
		else runnable.add(file.id);
	}
	for (const [id, upload] of Object.entries(currentUploads)) {
		const fileIDs = upload.fileIDs.filter((fileID) => runnable.has(fileID));
		for (const fileID of fileIDs) runnable.delete(fileID);
		if (fileIDs.length > 0) result.currentUploads[id] = { ...upload, fileIDs };
	}
	result.fresh = [...runnable];
	return result;
}
