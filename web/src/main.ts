/**
 * The page: puts the parts together and keeps what it says true.
 *
 * Everything it shows is worked out anew from Uppy's state, at most ten times a second, so that no order of events can leave it
 * saying what is not so.
 */

import { Uppy } from '@uppy/core';
import '@uppy/core/css/style.min.css';
import '@uppy/dashboard/css/style.min.css';
import './page.css';
import './status.css';
import './token.css';
import './finished.css';
import './uppy.css';
import { Activity } from './activity';
import { follow, mountDashboard } from './dashboard';
import { Done } from './done';
import { dropAnywhere } from './drop';
import { Finished } from './finished';
import { showFinished } from './finishedlist';
import { forgetRemoved } from './forget';
import { sign } from './links';
import { type Options, readOptions } from './options';
import { keepAndRestore } from './restore';
import { nameFor, signIn } from './signin';
import { addAgain, startAdded } from './start';
import { type Item, plain, say } from './status';
import { StatusLine } from './statusline';
import { storage, tabStorage } from './storage';
import { join } from './tabs';
import type { Token } from './token';
import type { Body, File, Meta, Page } from './types';
import { restart, useTus } from './upload';
import { broken, type Failure, failure, pluralize, tokenWanted, uppyStrings } from './words';

/** Milliseconds between two looks, while something happens and while something is waited for. */
const soon = 100;
const tick = 1000;
/** Nothing has moved for so long that the connection must be dead. */
const hung = 60_000;

async function start(): Promise<void> {
	const options = readOptions(document);
	const line = new StatusLine(byId('status'), document.title);
	if (options.auth) line.show(plain(tokenWanted), Date.now());
	const places = { form: byId('token'), account: byId('account'), status: byId('status') };
	const token = options.auth ? await signIn(options, places, tabStorage()) : undefined;
	const name = nameFor(options, token);
	const uppy: Page = new Uppy<Meta, Body>({
		id: name,
		restrictions: { maxFileSize: options.maxSize > 0 ? options.maxSize : null },
		onBeforeFileAdded: addAgain,
		locale: { strings: uppyStrings, pluralize },
	});
	const activity = new Activity();
	const failures = new Map<string, Failure>();
	const notices: string[] = [];
	const tabs = await join(name);
	const tus = useTus(uppy, options.endpoint, activity, failures, storage(), tabs.owner, token);
	forgetRemoved(uppy, tus, token);
	startAdded(uppy, failures);
	sayFailures(uppy, failures, options.maxSize);
	sayRefusals(uppy, notices);
	const drawFinished = keepFinished(uppy, name, options, token);

	const done = new Done(storage(), `${name}:done`);
	uppy.on('upload-success', (file) => file && tabs.owner && done.add(file.id)); // what others do, nobody brings back
	uppy.on('files-added', (added) => done.forget(added.map((file) => file.id)));

	if (tabs.owner) await keepAndRestore(uppy, done);
	let keeps = tabs.owner;

	const board = mountDashboard(uppy, '#files', options);
	dropAnywhere(board);
	const followBoard = follow(uppy, board, byId('files'));

	let listed = 0;
	const refresh = (): void => {
		const now = Date.now();
		const items = uppy.getFiles().map(item);
		if (items.length === 0 && listed > 0) notices.length = 0; // the list was cleared, and what was said about it
		listed = items.length;
		const busy = items.some((one) => one.is === 'active');
		const saying = say({
			items,
			percent: uppy.getState().totalProgress,
			activity,
			online: navigator.onLine,
			tokenRefused: token?.refused ?? false,
			elsewhere: tabs.owner ? undefined : tabs.busyElsewhere ? 'busy' : 'idle',
			notices,
			now,
		});
		line.show(saying, now);
		followBoard(saying.phase);
		tabs.tell(busy);
		if (activity.still(now) > hung && activity.waits.size === 0) askAnew(uppy);
		if (tabs.owner && !keeps && !busy) {
			keeps = true; // the tab that kept uploads is gone: go on with what it left
			void keepAndRestore(uppy, done);
		}
	};
	let planned = false;
	const plan = (): void => {
		if (planned) return;
		planned = true;
		setTimeout(() => {
			planned = false;
			refresh();
		}, soon);
	};
	uppy.on('state-update', plan);
	token?.onChange(plan);
	tabs.changed = plan;
	addEventListener('online', plan);
	addEventListener('offline', plan);
	setInterval(refresh, tick);
	// What this tab does not keep is lost with it.
	addEventListener('beforeunload', (event) => {
		if (!keeps && uppy.getFiles().some((file) => item(file).is === 'active')) event.preventDefault();
	});

	drawFinished();
	refresh();
	performance.mark('ready');
	document.documentElement.dataset.ready = 'true';
}

/**
 * askAnew breaks off requests that hang: a connection can die without either end being told, and a browser then waits for many
 * minutes. The uploads go on at once, from what the server has.
 */
function askAnew(uppy: Page): void {
	restart(uppy, uppy.getFiles().filter((file) => item(file).is === 'active').map((file) => file.id));
}

/** item is a file as the status needs it. */
function item(file: File): Item {
	const { progress } = file;
	const size = file.size ?? 0;
	const is = progress.uploadComplete ? 'done' : file.isGhost ? 'remembered' : file.error ? 'failed' : file.isPaused ? 'paused' : 'active';
	return {
		id: file.id,
		name: file.name ?? '',
		size,
		sent: is === 'done' ? size : Math.min(size, Number(progress.bytesUploaded) || 0),
		is,
		...(file.error ? { error: file.error } : {}),
	};
}

/** sayFailures puts our words in the place of the library's. */
function sayFailures(uppy: Page, failures: ReadonlyMap<string, Failure>, maxSize: number): void {
	uppy.on('upload-error', (file) => {
		if (!file || !uppy.getFile(file.id)) return;
		const error = failure(failures.get(file.id) ?? 'failed', maxSize);
		uppy.setFileState(file.id, { error });
		uppy.setState({ error, info: [] });
	});
}

/** sayRefusals collects why chosen files were not taken, until the next are chosen. */
function sayRefusals(uppy: Page, notices: string[]): void {
	let at = 0;
	uppy.on('restriction-failed', (_, error) => {
		if (Date.now() - at > tick) notices.length = 0;
		at = Date.now();
		if (!notices.includes(error.message)) notices.push(error.message);
	});
	uppy.on('files-added', (files) => {
		if (files.length > 0 && Date.now() - at > tick) notices.length = 0;
	});
}

/** keepFinished writes down what is finished, and returns what draws the list. */
function keepFinished(uppy: Page, name: string, { downloads, links }: Options, token: Token | undefined): () => void {
	const prefix = `${name}:finished:`;
	const draw = showFinished(byId('finished'), () => finished, downloads, token && ((url) => sign(url, links, token)));
	const finished = new Finished(storage(), prefix, draw);
	uppy.on('upload-success', (file, response) => {
		if (!file || !response.uploadURL) return;
		const path = file.meta.relativePath ?? '';
		const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
		finished.add({
			url: response.uploadURL,
			name: file.name ?? '',
			...(folder ? { folder } : {}),
			size: file.size ?? 0,
			at: new Date().toISOString(),
		});
	});
	addEventListener('storage', (event) => {
		if (event.key === null || event.key.startsWith(prefix)) finished.reload();
	});
	return draw;
}

function byId(id: string): HTMLElement {
	const element = document.getElementById(id);
	if (!element) throw new Error(`index.html has no #${id}`);
	return element;
}

start().catch((err: unknown) => {
	console.error(err);
	const sentence = document.querySelector('#status .sentence');
	if (sentence) sentence.textContent = broken;
	byId('status').dataset.state = 'error';
});
