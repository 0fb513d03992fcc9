/** As much of a document as the status line needs, which counts what a screen reader would speak. */
export class FakeElement {
	readonly dataset: Record<string, string> = {};
	readonly attributes = new Map<string, string>();
	hidden = false;
	parts: (FakeElement | string)[] = [];
	parent: FakeElement | undefined;
	/** What was put into this element or below it while it was not hidden from screen readers. */
	static spoken: string[] = [];

	constructor(readonly tag: string, readonly className = '') {}

	get children(): FakeElement[] {
		return this.parts.filter((part) => part instanceof FakeElement);
	}
	get textContent(): string {
		return this.parts.map((part) => (typeof part === 'string' ? part : part.textContent)).join('');
	}
	set textContent(text: string) {
		this.replaceChildren(text);
	}
	replaceChildren(...parts: (FakeElement | string)[]) {
		this.parts = [];
		for (const part of parts) this.put(part, this.parts.length);
		this.speak(this.textContent);
	}
	insertBefore(child: FakeElement, at: FakeElement | null) {
		child.remove();
		this.put(child, at ? this.parts.indexOf(at) : this.parts.length);
		child.speak(child.textContent);
	}
	remove() {
		if (this.parent) this.parent.parts = this.parent.parts.filter((part) => part !== this);
		this.parent = undefined;
	}
	querySelector(selector: string) {
		return this.children.find((child) => `.${child.className}` === selector) ?? null;
	}
	getAttribute(name: string) {
		return this.attributes.get(name) ?? null;
	}
	setAttribute(name: string, value: string) {
		this.attributes.set(name, value);
	}
	private put(part: FakeElement | string, at: number) {
		this.parts.splice(at, 0, part);
		if (part instanceof FakeElement) part.parent = this;
	}
	private speak(text: string) {
		let top: FakeElement = this;
		for (let one: FakeElement | undefined = this; one; one = one.parent) {
			if (one.attributes.get('aria-hidden') === 'true') return;
			top = one;
		}
		if (text && top.attributes.has('aria-live')) FakeElement.spoken.push(text);
	}
}
