/** Shows the uploads in flight. A row stays the same element while its upload goes on, so that it can be read and selected. */

import { age, type Key, type List, type Order, part, progress, rate, sorted, total, type Upload } from './uploads';

interface Cells {
	readonly row: HTMLTableRowElement;
	readonly bar: HTMLProgressElement;
	readonly progress: HTMLElement;
	readonly rate: HTMLElement;
	readonly age: HTMLElement;
}

export class Table {
	private readonly body: HTMLElement;
	private readonly total: HTMLElement;
	private readonly none: HTMLElement;
	private readonly scroll: HTMLElement;
	private readonly rows = new Map<string, Cells>();
	private list: List = { total: 0, uploads: [] };
	private now = 0;
	private order: Order = { by: 'age', descending: true };

	constructor(root: HTMLElement) {
		const part = (selector: string) => {
			const element = root.querySelector<HTMLElement>(selector);
			if (!element) throw new Error(`index.html has no ${selector} in #uploads`);
			return element;
		};
		this.body = part('tbody');
		this.total = part('.total');
		this.none = part('.plain');
		this.scroll = part('.scroll');
		const buttons = [...root.querySelectorAll<HTMLElement>('[data-sort]')];
		for (const button of buttons) {
			button.addEventListener('click', () => {
				const by = button.dataset.sort as Key;
				const numbers = by === 'progress' || by === 'rate' || by === 'age';
				this.order = { by, descending: this.order.by === by ? !this.order.descending : numbers };
				for (const other of buttons) other.closest('th')?.setAttribute('aria-sort', 'none');
				button.closest('th')?.setAttribute('aria-sort', this.order.descending ? 'descending' : 'ascending');
				this.draw();
			});
		}
		this.draw();
	}

	/** show takes what the server knows, and the time there: this machine's clock may be another. */
	show(list: List, now: number): void {
		this.list = list;
		this.now = now;
		this.draw();
	}

	private draw(): void {
		const uploads = sorted(this.list.uploads, this.order);
		const there = new Set(uploads.map((upload) => upload.id));
		for (const [id, { row }] of this.rows) {
			if (there.has(id)) continue;
			row.remove();
			this.rows.delete(id);
		}
		uploads.forEach((upload, i) => {
			const cells = this.rows.get(upload.id) ?? this.add(upload);
			write(cells.progress, progress(upload));
			write(cells.rate, rate(upload));
			write(cells.age, age(upload, this.now));
			const done = part(upload);
			if (done === undefined) cells.bar.removeAttribute('value');
			else cells.bar.value = done;
			cells.bar.hidden = done === undefined;
			cells.row.classList.toggle('still', upload.rate === 0);
			const at = this.body.children[i] ?? null;
			if (at !== cells.row) this.body.insertBefore(cells.row, at);
		});
		write(this.total, total(this.list));
		this.none.hidden = uploads.length > 0;
		this.scroll.hidden = uploads.length === 0;
	}

	private add(upload: Upload): Cells {
		const row = document.createElement('tr');
		const cell = (text: string, name = '') => {
			const td = row.insertCell();
			td.className = name;
			td.textContent = text;
			return td;
		};
		const head = document.createElement('th');
		head.scope = 'row';
		head.title = upload.id;
		head.textContent = upload.id;
		row.append(head);
		const bar = document.createElement('progress');
		bar.max = 1;
		bar.setAttribute('aria-hidden', 'true'); // the words beside it say the same
		const words = document.createElement('span');
		cell('', 'progress').append(bar, words);
		const cells = { row, bar, progress: words, rate: cell('', 'number'), age: cell('', 'number') };
		cell(upload.owner || '–');
		cell(upload.client || '–');
		this.rows.set(upload.id, cells);
		return cells;
	}
}

function write(element: HTMLElement, text: string): void {
	if (element.textContent !== text) element.textContent = text;
}
