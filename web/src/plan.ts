/**
 * What of the files that came back is to run: all but those that cannot (ghosts, whose bytes are not here, and finished ones)
 * and those that should not without being asked (a person had paused them, or they had failed).
 */

import type { File, Page } from './upload';

type CurrentUploads = ReturnType<Page['getState']>['currentUploads'];

export interface Plan {
	/** The uploads as they are to run. */
	currentUploads: CurrentUploads;
	/** Files that belong to no upload yet. */
	fresh: string[];
	/** Files that stay paused until somebody resumes them. */
	dormant: string[];
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
