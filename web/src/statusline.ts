/**
 * Shows what status.ts says. Only what has changed is touched: #status is read aloud, and a screen reader reads what is
 * written anew.
 */

import type { Saying } from './status';

/** The number of files in a sentence changes with every one that is done; it is spoken at most this often. */
const breath = 3000;

export class StatusLine {
	private readonly sentence: HTMLElement;
	private readonly countdown: HTMLElement;
	private readonly figures: HTMLElement;
	private readonly notes: HTMLElement;
	private spoken = 0;
	private noted = '';

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
			if (text(this.sentence, saying.words)) this.spoken = now;
		}
		text(this.countdown, saying.countdown);
		text(this.figures, saying.figures);
		this.figures.hidden = saying.figures === '';

		const noted = saying.notes.join('\n');
		if (noted !== this.noted) {
			this.noted = noted;
			this.notes.replaceChildren(...saying.notes.map((note) => Object.assign(document.createElement('li'), { textContent: note })));
			this.notes.hidden = saying.notes.length === 0;
		}
		const title = headline(saying, this.title);
		if (document.title !== title) document.title = title;
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

/** text writes only what is new, and says whether it was. */
function text(element: HTMLElement, value: string): boolean {
	if (element.textContent === value) return false;
	element.textContent = value;
	return true;
}
