/**
 * Shows what status.ts says. Only what has changed is touched: #status is read aloud, and a screen reader reads what is
 * written anew.
 */

import type { Note, Saying } from './status';

/**
 * The number of files in a sentence changes with every one that is done, and the notes with every one that waits or fails: each
 * is spoken at most this often.
 */
const breath = 3000;

export class StatusLine {
	private readonly sentence: HTMLElement;
	private readonly countdown: HTMLElement;
	private readonly figures: HTMLElement;
	private readonly notes: HTMLElement;
	private readonly written = new WeakMap<Element, string>();
	private spoken = 0;
	private noted = 0;

	constructor(
		private readonly root: HTMLElement,
		private readonly title: string,
	) {
		const part = (name: string) => {
			const element = root.querySelector<HTMLElement>(`.${name}`);
			if (!element) throw new Error(`index.html has no .${name} in #status`);
			return element;
		};
		this.sentence = part('sentence');
		this.countdown = part('countdown');
		this.figures = part('figures');
		this.notes = part('notes');
	}

	show(saying: Saying, now: number): void {
		const changed = this.root.dataset.state !== saying.state;
		if (changed) this.root.dataset.state = saying.state;
		if (changed || saying.state !== 'uploading' || now - this.spoken >= breath) {
			if (this.write(this.sentence, saying.words)) this.spoken = now;
		}
		this.write(this.countdown, saying.countdown);
		this.write(this.figures, saying.figures);
		this.figures.hidden = saying.figures === '';
		if (changed || now - this.noted >= breath) {
			if (this.note(saying.notes)) this.noted = now;
		}
		const title = headline(saying, this.title);
		if (document.title !== title) document.title = title;
	}

	/** note leaves a line alone that is there already, and says whether one was written. */
	private note(notes: readonly Note[]): boolean {
		const spare = [...this.notes.children];
		const take = (which: (li: Element) => boolean) => {
			const at = spare.findIndex(which);
			return at < 0 ? undefined : spare.splice(at, 1)[0];
		};
		const silent = (li: Element) => li.getAttribute('aria-hidden') === 'true';
		let wrote = false;
		const lines = notes.map((note) => {
			const li = take(note.silent ? silent : (li) => !silent(li) && this.written.get(li) === note.text) ?? document.createElement('li');
			if (note.silent) li.setAttribute('aria-hidden', 'true');
			if (this.write(li, note.text)) wrote = true;
			return li;
		});
		for (const li of spare) li.remove();
		lines.forEach((li, i) => {
			const at = this.notes.children[i] ?? null;
			if (at !== li) this.notes.insertBefore(li, at);
		});
		this.notes.hidden = lines.length === 0;
		return wrote;
	}

	/** write writes only what is new, and says whether it was. Names that words.ts has marked off become <bdi>. */
	private write(element: Element, value: string): boolean {
		if ((this.written.get(element) ?? element.textContent) === value) return false;
		this.written.set(element, value);
		const parts = value.split(/\u2068([^\u2069]*)\u2069/);
		if (parts.length === 1) {
			element.textContent = value;
		} else {
			element.replaceChildren(...parts.map((part, i) => (i % 2 === 1 ? Object.assign(document.createElement('bdi'), { textContent: part }) : part)));
		}
		return true;
	}
}

/** headline is the tab's title, for those who look at another tab meanwhile. */
function headline(saying: Saying, title: string): string {
	switch (saying.state) {
		case 'uploading':
			return `${saying.percent ?? 0} % · ${title}`;
		case 'waiting':
		case 'offline':
			return saying.percent === undefined ? title : `Waiting · ${title}`;
		case 'done':
			return `Done · ${title}`;
		case 'error':
			return `Not uploaded · ${title}`;
		default:
			return title;
	}
}
