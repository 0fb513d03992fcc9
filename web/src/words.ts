/**
 * Every sentence that the page says about uploads.
 *
 * What went wrong is said in plain words, together with what becomes of the upload and what to do. Nothing here is a status
 * code or a library's text. Words that stand in index.html (title, headings, buttons) stand there.
 */

import { bytes, count } from './format';

/** Trouble is what passes: the page tries again by itself. */
export type Trouble = 'offline' | 'token' | 'away' | 'busy' | 'locked' | 'full' | 'slow' | 'forgotten';

/** Failure is what does not pass until a person does something. */
export type Failure = 'tooLarge' | 'nameTooLong' | 'signIn' | 'refused' | 'unreadable' | 'gone' | 'failed';

/**
 * isolate marks a file's name off from the sentence, so that one written from right to left does not turn it round. The marks are
 * Unicode's; statusline.ts puts <bdi> in their place.
 */
function isolate(name: string): string {
	return `\u2068${name.replace(/[\u2066-\u2069]/g, '')}\u2069`;
}

/** waiting says why nothing moves. A count-down ("in 8 s") may follow where the sentence ends in "trying again". */
export function waiting(trouble: Trouble): string {
	switch (trouble) {
		case 'offline':
			return 'You are offline. Nothing is lost: your uploads go on by themselves when the network is back.';
		case 'token':
			return 'Your token has run out or was withdrawn. Nothing is lost: enter a new one, and your uploads go on where they were.';
		case 'away':
			return 'The server cannot be reached. Nothing is lost: trying again';
		case 'busy':
			return 'The server is busy or restarting. Nothing is lost: trying again';
		case 'locked':
			return 'The server is still busy with this file. Nothing is lost: trying again';
		case 'full':
			return 'The server has no room left. Nothing is lost: make room on it, or ask whoever runs it. Trying again';
		case 'slow':
			return 'The server asks for fewer requests. Nothing is lost: trying again';
		case 'forgotten':
			return 'The server no longer has what it took of this file. Nothing is lost on your disk: trying again';
	}
}

/** waitingFor is the short form, for one of several files. */
export function waitingFor(trouble: Trouble): string {
	switch (trouble) {
		case 'offline':
			return 'waits for the network';
		case 'token':
			return 'waits for a new token';
		case 'away':
			return 'waits: the server cannot be reached';
		case 'busy':
			return 'waits: the server is busy';
		case 'locked':
			return 'waits: the server is still busy with it';
		case 'full':
			return 'waits: the server has no room left';
		case 'slow':
			return 'waits: the server asks for fewer requests';
		case 'forgotten':
			return 'waits: the server no longer has what it took of it';
	}
}

/** failure says what is wrong with a file and what to do. limit is the server's limit in bytes, 0 if there is none. */
export function failure(what: Failure, limit: number): string {
	switch (what) {
		case 'tooLarge':
			return limit > 0
				? `It is too large: this server takes files of at most ${bytes(limit)}. Choose a smaller one, or ask whoever runs the server to allow more.`
				: 'It is too large for this server. Choose a smaller one, or ask whoever runs the server to allow more.';
		case 'nameTooLong':
			return 'Its name and folders are too long for this server. Rename it and choose it again.';
		case 'signIn':
			return 'The server does not let you in. Sign in again in another tab, then retry here: what has arrived is kept.';
		case 'refused':
			return 'The server does not take it. Try it once more; if that does not help, tell whoever runs the server.';
		case 'unreadable':
			return 'It was changed on your disk after the upload began, or cannot be read any more. Choose it again.';
		case 'gone':
			return 'It is no longer on your disk where it was. Put it back and retry, or choose it again.';
		case 'failed':
			return 'Something went wrong. What has arrived is kept: try it once more.';
	}
}

export const ready = 'Ready for your files.';
export const offlineIdle = 'You are offline. Choose files all the same: they go up when the network is back.';
export const stalled = 'Nothing has moved for a while. Nothing is lost: the upload goes on as soon as the network does.';
export const confirming = 'There is nothing more to send from here. Waiting for the server to confirm it.';
export const broken = 'This page could not start in this browser. Reload it; if that does not help, use a newer browser.';
export const elsewhereBusy = 'Uploads are running in another tab. You can upload here too; then keep this tab open until they are done.';
export const elsewhereIdle = 'Plateau is open in another tab too. You can upload here as well; then keep this tab open until they are done.';

export function uploading(files: number): string {
	return `Uploading ${count(files, 'file')}.`;
}

export function paused(files: number): string {
	return files === 1 ? 'Paused. What has arrived is kept: resume it whenever you like.' : `${count(files, 'upload')} paused. What has arrived is kept: resume whenever you like.`;
}

export function finished(files: number): string {
	return files === 1 ? 'Done. Your file is safe on the server.' : `Done. ${count(files, 'file')} are safe on the server.`;
}

export function failedOne(name: string, reason: string): string {
	return `${isolate(name)} was not uploaded. ${reason}`;
}

export function failedSome(failed: number, all: number): string {
	return `${failed.toLocaleString('en')} of ${count(all, 'file')} could not be uploaded.`;
}

export function remembered(name: string): string {
	return `Plateau remembers where ${isolate(name)} stopped: choose it again to go on, or remove it if it has changed.`;
}

export function rememberedSome(files: number): string {
	return `Plateau remembers where ${count(files, 'file')} stopped: choose them again to go on, or remove what has changed.`;
}

/** waits says of one of several files what it waits for. */
export function waits(name: string, trouble: Trouble): string {
	return `${isolate(name)} ${waitingFor(trouble)}.`;
}

export function more(n: number): string {
	return `… and ${n.toLocaleString('en')} more`;
}

export const tokenWanted = 'This server asks for a token: whoever runs it gives you one.';
export const tokenGone = 'Your token has run out or was withdrawn. Enter a new one to go on.';
/** On the button of the form. */
export const checkToken = 'Continue';
export const checkingToken = 'One moment …';

/** TokenProblem is why a token was not taken: it is none, the server does not take it, or could not be asked. */
export type TokenProblem = 'malformed' | 'refused' | 'away';

export function tokenProblem(problem: TokenProblem): string {
	switch (problem) {
		case 'malformed':
			return 'A token has no spaces, line breaks or accents in it. Copy it once more.';
		case 'refused':
			return 'The server does not accept this token. It may have run out, or not be whole: copy it once more, or ask whoever runs the server for a new one.';
		case 'away':
			return 'The server cannot check the token now. Try again in a moment.';
	}
}

/** linkProblem says why there is no address for a download. */
export function linkProblem(problem: 'token' | 'gone' | 'away'): string {
	switch (problem) {
		case 'token':
			return 'Enter a new token first.';
		case 'gone':
			return 'The server no longer has this file.';
		case 'away':
			return 'The server cannot be reached. Try again in a moment.';
	}
}

/** linkCopied says until when a link works. Its argument is a time of day. */
export function linkCopied(until: string): string {
	return `Link copied. It works until ${until}.`;
}

/** linkSelected is said where the browser does not let the page copy. */
export function linkSelected(until: string): string {
	return `Press Ctrl+C to copy the link. It works until ${until}.`;
}

/** Phase is what goes on as a whole. */
export type Phase = 'uploading' | 'waiting' | 'remembered' | 'failed';

/**
 * phaseStrings is what the Dashboard's title and bar say while it takes something for being uploaded, which it also does of
 * files that failed or are only remembered. Numbers are left to the status line: the Dashboard would count those files, too.
 */
export function phaseStrings(phase: Phase) {
	switch (phase) {
		case 'uploading':
			return both('Uploading');
		case 'waiting':
			return both('Waiting');
		case 'remembered':
			return both('Choose again to go on');
		case 'failed':
			return both('Not all uploaded');
	}
}

function both(text: string) {
	return { uploading: text, uploadingXFiles: { 0: text, 1: text } };
}

/** What Uppy says in our words, whatever happens. */
export const uppyStrings = {
	noDuplicates: '\u2068%{fileName}\u2069 is in the list already.',
	exceedsSize: '\u2068%{file}\u2069 is too large: this server takes files of at most %{size}. Choose a smaller one.',
	failedToUpload: '%{file} was not uploaded.',
	dashboardTitle: 'Files to upload',
	dropHint: 'Drop them here',
	dropPasteBoth: 'Drop files here, %{browseFiles} or %{browseFolders}',
	browseFiles: 'browse files',
	browseFolders: 'browse folders',
	addMoreFiles: 'Add more files',
	error: 'Not uploaded',
	uploadFailed: 'Not all uploaded',
	reSelect: 'Choose again',
	removeFile: 'Remove %{file}',
	cancel: 'Cancel all',
	complete: 'Complete',
	done: 'Done',
};

/** Which of Uppy's two forms a number takes. */
export function pluralize(n: number): 0 | 1 {
	return n === 1 ? 0 : 1;
}

/** Said in the empty box. */
export const note = 'Close the lid, lose the network: uploads go on where they were.';
