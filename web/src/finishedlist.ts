/** Shows the finished files. Names are text and never markup. */

import { copy } from './copy';
import type { Entry, Finished } from './finished';
import { bytes } from './format';
import { type Link, open } from './links';
import { linkCopied, linkProblem, linkSelected } from './words';

/** How long a button says that it has copied, in milliseconds. */
const thanks = 2000;

/** When many small files finish at once, drawing each time would cost more than uploading them. Milliseconds. */
const pace = 100;

/** Sign gives an address for the upload at url, where its own asks for a token. */
type Sign = (url: string) => Promise<Link>;

/**
 * showFinished draws the list, and returns what draws it anew: soon, and only what has changed. With sign, an address is made
 * when it is used.
 */
export function showFinished(root: HTMLElement, finished: () => Finished, downloads: boolean, sign?: Sign): () => void {
	const list = root.querySelector('ul');
	const clear = root.querySelector<HTMLButtonElement>('button.clear');
	const said = root.querySelector<HTMLElement>('.said');
	if (!list || !clear || !said) throw new Error('index.html lacks a part of #finished');
	clear.addEventListener('click', () => finished().clear());

	const line = (entry: Entry): HTMLLIElement => {
		const li = document.createElement('li');
		li.dataset.name = entry.name;
		const time = element('time', '', when(new Date(entry.at)));
		time.dateTime = entry.at;
		const facts = element('span', 'facts', '');
		facts.append(element('span', 'size', bytes(entry.size)), time);
		if (entry.folder) facts.append(element('bdi', 'folder', entry.folder));
		const note = element('span', 'note', '');
		facts.append(note);
		const tell = (text: string) => {
			note.textContent = text;
			said.textContent = text && `${entry.name}: ${text}`;
		};
		const what = element('div', 'what', '');
		what.append(downloads && sign ? opener(entry, sign, tell) : name(entry, downloads), facts);
		const buttons = element('div', 'buttons', '');
		if (downloads) buttons.append(sign ? signedCopyButton(entry, sign, tell) : copyButton(entry, said));
		buttons.append(removeButton(entry, finished));
		li.append(what, buttons);
		return li;
	};

	let lines = new Map<string, HTMLLIElement>();
	const draw = () => {
		const entries = finished().all();
		const focused = root.contains(document.activeElement);
		const from = document.activeElement?.closest('li');
		lines = new Map(entries.map((entry) => [entry.url, lines.get(entry.url) ?? line(entry)]));
		const kept = new Set<Element>(lines.values());
		const next = from && list.contains(from) ? beside(from, kept) : undefined;
		for (const li of [...list.children]) if (!kept.has(li)) li.remove();
		[...lines.values()].forEach((li, i) => {
			if (list.children[i] !== li) list.insertBefore(li, list.children[i] ?? null);
		});
		root.hidden = entries.length === 0;
		// The button that was pressed is gone: whoever walks by keyboard goes on from the next one.
		if (focused && (root.hidden || !root.contains(document.activeElement))) {
			((next ?? list).querySelector<HTMLElement>('button.remove') ?? document.querySelector<HTMLElement>('.uppy-Dashboard-browse'))?.focus();
		}
	};
	let planned = false;
	return () => {
		if (planned) return;
		planned = true;
		setTimeout(() => {
			planned = false;
			draw();
		}, pace);
	};
}

/** beside is the line that takes the place of one that goes: the next that stays, or else the last before it. */
function beside(li: Element, kept: ReadonlySet<Element>): Element | undefined {
	const all = [...(li.parentElement?.children ?? [])];
	const at = all.indexOf(li);
	return all.slice(at).find((one) => kept.has(one)) ?? all.slice(0, at).findLast((one) => kept.has(one));
}

const short: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' };
const thisYear = new Intl.DateTimeFormat(undefined, short);
const otherYear = new Intl.DateTimeFormat(undefined, { ...short, year: 'numeric' });

const today = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

/** when names the day unless told otherwise, and the year only if it is another one. */
function when(at: Date, isToday = false): string {
	if (isToday) return today.format(at);
	return (at.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(at);
}

function sameDay(a: Date, b: Date): boolean {
	return a.toDateString() === b.toDateString();
}

function name(entry: Entry, downloads: boolean): HTMLElement {
	const what = element(downloads ? 'a' : 'span', 'name', '');
	what.append(element('bdi', '', entry.name));
	what.title = entry.name;
	if (what instanceof HTMLAnchorElement) {
		what.href = entry.url;
		what.target = '_blank'; // the page must stay: uploads run in it
		what.rel = 'noopener';
	}
	return what;
}

/** opener looks like a link: it opens the file at an address that is signed at the click. */
function opener(entry: Entry, sign: Sign, tell: (text: string) => void): HTMLButtonElement {
	const button = element('button', 'name', '');
	button.type = 'button';
	button.append(element('bdi', '', entry.name));
	button.title = entry.name;
	button.setAttribute('aria-label', `Open ${entry.name}`);
	button.addEventListener('click', async () => {
		const link = await sign(entry.url);
		tell(typeof link === 'string' ? linkProblem(link) : '');
		if (typeof link !== 'string') open(link.url);
	});
	return button;
}

/** signedCopyButton copies an address that is signed at the click, and says until when it is valid. */
function signedCopyButton(entry: Entry, sign: Sign, tell: (text: string) => void): HTMLButtonElement {
	const button = copier(entry);
	button.addEventListener('click', async () => {
		const link = await sign(entry.url);
		if (typeof link === 'string') return tell(linkProblem(link));
		const copied = await copy(link.url, button);
		const until = when(link.expires, sameDay(link.expires, new Date()));
		tell(copied ? linkCopied(until) : linkSelected(until));
	});
	return button;
}

function copier(entry: Entry): HTMLButtonElement {
	const button = element('button', 'copy', 'Copy link');
	button.type = 'button';
	button.setAttribute('aria-label', `Copy link of ${entry.name}`);
	return button;
}

function copyButton(entry: Entry, said: HTMLElement): HTMLButtonElement {
	const button = copier(entry);
	button.addEventListener('click', async () => {
		const copied = await copy(entry.url, button);
		button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
		said.textContent = copied ? `Link of ${entry.name} copied` : 'The link is selected: press Control and C to copy it';
		setTimeout(() => {
			button.textContent = 'Copy link';
			said.textContent = '';
		}, thanks);
	});
	return button;
}

function removeButton(entry: Entry, finished: () => Finished): HTMLButtonElement {
	const button = element('button', 'remove', '×');
	button.type = 'button';
	button.title = 'Take off this list; the file stays on the server';
	button.setAttribute('aria-label', `Take ${entry.name} off this list; the file stays on the server`);
	button.addEventListener('click', () => finished().remove(entry.url));
	return button;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text: string): HTMLElementTagNameMap[K] {
	const made = document.createElement(tag);
	if (className) made.className = className;
	if (text) made.textContent = text;
	return made;
}
