/**
 * What the page says above the list: from the files, what their requests do, and the network, to one state and its sentences.
 *
 * The sentence is what a screen reader speaks, so it changes only when something has happened. What changes every second
 * (percent, speed, count-down) stands apart in `figures` and `countdown`, which are not spoken.
 */

import type { Activity, Wait } from './activity';
import { bytes, count, duration } from './format';
import * as words from './words';
import type { Phase, Trouble } from './words';

export type State = 'idle' | 'uploading' | 'waiting' | 'offline' | 'error' | 'done' | 'elsewhere';

/** Item is one file as far as the status needs it. */
export interface Item {
	id: string;
	name: string;
	size: number;
	sent: number;
	is: 'active' | 'paused' | 'done' | 'failed' | 'remembered';
	/** Why it failed, in words. */
	error?: string;
}

export interface Scene {
	items: readonly Item[];
	/** Overall progress as the Dashboard's bar shows it. */
	percent: number;
	activity: Pick<Activity, 'waits' | 'moving' | 'still' | 'rate'>;
	online: boolean;
	/** The server has refused the token. */
	tokenRefused: boolean;
	/** Another tab keeps uploads; whether some run there. */
	elsewhere: 'busy' | 'idle' | undefined;
	/** What was refused when it was chosen, in words. */
	notices: readonly string[];
	now: number;
}

/** Note is a line of its own. Where it only counts the rest it is not spoken, since it changes with every file. */
export interface Note {
	text: string;
	silent?: boolean;
}

export interface Saying {
	state: State;
	/** One or two sentences. */
	words: string;
	/** " in 8 s …", after words that end in "trying again". */
	countdown: string;
	/** Percent, sizes, speed, time left. */
	figures: string;
	/** Single files that need a word of their own. */
	notes: Note[];
	/** 0 to 100 while something is being uploaded. */
	percent: number | undefined;
	phase: Phase;
}

/** Of several troubles the page names the one that explains most. */
const order: Trouble[] = ['offline', 'token', 'away', 'full', 'busy', 'slow', 'forgotten', 'locked'];
/** Nothing has moved for so long, in milliseconds, that it is worth a word. */
const stalledAfter = 12_000;
/** The same when the browser says that there is no network: it may be wrong where the server is this very machine. */
const offlineAfter = 2000;
/** So many files get a line of their own. */
const lines = 5;

/** plain is a sentence and nothing else. */
export function plain(sentence: string): Saying {
	return { state: 'idle', words: sentence, countdown: '', figures: '', notes: [], percent: undefined, phase: 'uploading' };
}

export function say(scene: Scene): Saying {
	const { items, activity, now } = scene;
	const active = items.filter((item) => item.is === 'active');
	const failed = items.filter((item) => item.is === 'failed');
	const ghosts = items.filter((item) => item.is === 'remembered');
	const paused = items.filter((item) => item.is === 'paused');
	const done = items.filter((item) => item.is === 'done');
	const saying: Saying = { ...plain(words.ready), notes: [] };

	if (active.length > 0) {
		sayActive(scene, saying, active);
	} else if (scene.tokenRefused) {
		saying.state = 'waiting';
		saying.words = words.tokenGone;
		saying.phase = ghosts.length > 0 ? 'remembered' : failed.length > 0 ? 'failed' : 'uploading';
	} else if (failed.length > 0) {
		saying.state = 'error';
		saying.phase = ghosts.length > 0 ? 'remembered' : 'failed';
		const only = failed.length === 1 ? failed[0] : undefined;
		saying.words = only ? words.failedOne(only.name, only.error ?? '') : words.failedSome(failed.length, items.length);
	} else if (ghosts.length > 0) {
		saying.phase = 'remembered';
		const only = ghosts.length === 1 ? ghosts[0] : undefined;
		saying.words = only ? words.remembered(only.name) : words.rememberedSome(ghosts.length);
	} else if (paused.length > 0) {
		saying.words = words.paused(paused.length);
		saying.figures = amount(items);
	} else if (done.length > 0) {
		saying.state = 'done';
		saying.words = words.finished(done.length);
	} else if (scene.notices.length > 0) {
		saying.state = 'error';
		saying.words = scene.notices[0] ?? '';
	} else if (scene.elsewhere) {
		saying.state = 'elsewhere';
		saying.words = scene.elsewhere === 'busy' ? words.elsewhereBusy : words.elsewhereIdle;
	} else if (!scene.online) {
		saying.state = 'offline';
		saying.words = words.offlineIdle;
	}

	const notes = [
		...list(failed, (item) => words.failedOne(item.name, item.error ?? '')),
		...list(ghosts, (item) => words.remembered(item.name)),
		...list(scene.notices, (notice) => notice),
	];
	saying.notes.push(...notes.filter((note) => note.text !== saying.words));
	if (active.length > 0 && activity.moving()) {
		const waiting = active.flatMap((item) => {
			const wait = activity.waits.get(item.id);
			return wait ? [words.waits(item.name, wait.trouble)] : [];
		});
		saying.notes.push(...list(waiting, (text) => text));
	}
	if (active.length > 0) saying.percent = scene.percent;
	if (saying.state === 'uploading') saying.figures = figures(items, active, activity.rate(now), scene.percent);
	return saying;
}

function sayActive(scene: Scene, saying: Saying, active: readonly Item[]): void {
	const { activity, now } = scene;
	const waits = [...activity.waits.values()];
	saying.state = 'uploading';
	saying.words = words.uploading(active.length);
	if (waits.length > 0 && !activity.moving()) {
		const trouble = order.find((one) => waits.some((wait) => wait.trouble === one)) ?? 'away';
		saying.state = trouble === 'offline' || (trouble === 'away' && !scene.online) ? 'offline' : 'waiting';
		saying.phase = 'waiting';
		saying.words = words.waiting(saying.state === 'offline' ? 'offline' : trouble);
		if (saying.state === 'waiting' && trouble !== 'token') saying.countdown = countdown(waits, now);
	} else if (activity.still(now) > stalledAfter && active.every((item) => item.size > 0 && item.sent >= item.size)) {
		saying.words = words.confirming;
	} else if (activity.still(now) > (scene.online ? stalledAfter : offlineAfter)) {
		saying.state = scene.online ? 'waiting' : 'offline';
		saying.phase = 'waiting';
		saying.words = scene.online ? words.stalled : words.waiting('offline');
	}
}

/** countdown is to the next try of any upload. While that runs it says nothing of time. */
function countdown(waits: readonly Wait[], now: number): string {
	const next = Math.min(...waits.map((wait) => wait.until ?? Number.POSITIVE_INFINITY));
	const left = Math.ceil((next - now) / 1000);
	return Number.isFinite(left) && left > 0 ? ` in ${duration(left)} …` : ' …';
}

function figures(items: readonly Item[], active: readonly Item[], rate: number | undefined, percent: number): string {
	const parts = [`${percent}${'\u00a0'}%`];
	const taking = items.filter((item) => item.is === 'active' || item.is === 'done');
	if (taking.length > 1) parts.push(`${taking.length - active.length} of ${count(taking.length, 'file')}`);
	parts.push(amount(active));
	if (rate !== undefined) {
		const left = sum(active, 'size') - sum(active, 'sent');
		parts.push(`${bytes(rate)}/s`);
		if (left > 0) parts.push(`${duration(left / rate)} left`);
		else parts.push('finishing');
	}
	return parts.join(' · ');
}

function amount(items: readonly Item[]): string {
	const unfinished = items.filter((item) => item.is === 'active' || item.is === 'paused');
	return `${bytes(sum(unfinished, 'sent'))} of ${bytes(sum(unfinished, 'size'))}`;
}

function sum(items: readonly Item[], what: 'size' | 'sent'): number {
	return items.reduce((all, item) => all + item[what], 0);
}

function list<T>(of: readonly T[], text: (one: T) => string): Note[] {
	const said: Note[] = of.slice(0, lines).map((one) => ({ text: text(one) }));
	if (of.length > lines) said.push({ text: words.more(of.length - lines), silent: true });
	return said;
}
