/**
 * Uppy's Dashboard, as this page wants it: a list of files and their buttons.
 *
 * What is said about them is said by the page's own status line. The Dashboard alone would claim "2s left" while the server is
 * away, "Uploading 1 file" after the last one failed, and answer "why?" with a library's text in an alert.
 */

import Dashboard from '@uppy/dashboard';
import type { Options } from './options';
import type { Body, Meta, Page } from './types';
import { type Phase, note, phaseStrings, uppyStrings } from './words';

export type Board = Dashboard<Meta, Body>;

/** Heights in pixels: of the empty box, of its bars, of a line, and the most. */
const empty = 300;
const bars = 128;
const line = 71;
const most = 512;

export function mountDashboard(uppy: Page, target: string, options: Options): Board {
	uppy.use(Dashboard<Meta, Body>, {
		target,
		inline: true,
		width: '100%',
		height: empty,
		theme: 'auto',
		note,
		fileManagerSelectionType: 'both',
		singleFileFullScreen: false,
		showLinkToFileUploadResult: options.downloads && !options.auth, // such a link carries no token
		proudlyDisplayPoweredByUppy: false,
		hideUploadButton: true,
		hideProgressDetails: true,
		disableInformer: true,
		locale: { strings: { ...uppyStrings, ...phaseStrings('uploading') } },
	});
	const board = uppy.getPlugin<Board>('Dashboard');
	if (!board) throw new Error('the Dashboard was not installed');
	return board;
}

/** follow makes the Dashboard say what is: call it after each change of state. */
export function follow(uppy: Page, board: Board, target: HTMLElement): (phase: Phase) => void {
	let shown: Phase = 'uploading';
	let height = empty;
	return (phase) => {
		const files = uppy.getFiles();
		const wanted = files.length === 0 ? empty : Math.max(empty, Math.min(most, bars + line * files.length));
		if (wanted !== height) {
			height = wanted;
			board.setOptions({ height });
		}
		if (phase !== shown) {
			shown = phase;
			target.dataset.phase = phase;
			board.setOptions({ locale: { strings: phaseStrings(phase) } });
			// While nothing is known to arrive a percentage would be a guess: bytes in a dead connection count as sent.
			const { capabilities } = uppy.getState();
			uppy.setState({ capabilities: { ...capabilities, uploadProgress: phase !== 'waiting' } });
		}
		// Uppy leaves this out around a single file, and a list's item needs its list.
		target.querySelector('.uppy-Dashboard-files:not([role])')?.setAttribute('role', 'list');
		// "Failed" is said of the whole when nothing runs any more, and not before.
		const runs = files.some((file) => file.progress.uploadStarted && !file.progress.uploadComplete && !file.error && !file.isGhost);
		const reason = runs ? undefined : files.find((file) => file.error)?.error;
		if ((uppy.getState().error ?? undefined) !== reason) uppy.setState({ error: reason ?? null });
	};
}
