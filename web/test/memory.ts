/** Memory is a localStorage that can be full. */
export class Memory implements Storage {
	[name: string]: unknown;
	readonly all: Map<string, string>;
	full = false;

	constructor(texts: Record<string, string> = {}) {
		this.all = new Map(Object.entries(texts));
	}

	get length() {
		return this.all.size;
	}
	key(n: number) {
		return [...this.all.keys()][n] ?? null;
	}
	getItem(key: string) {
		return this.all.get(key) ?? null;
	}
	setItem(key: string, value: string) {
		if (this.full) throw new Error('QuotaExceededError');
		this.all.set(key, value);
	}
	removeItem(key: string) {
		this.all.delete(key);
	}
	clear() {
		this.all.clear();
	}
}
