// The base of our elements: light DOM, so that one stylesheet and one document hold all.

import { LitElement } from "lit";

export class Plain extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** Tells those above what a viewer wants, by the name of an App's method. */
export function tell(from: Element, name: string, detail?: unknown): void {
  from.dispatchEvent(new CustomEvent(`tm-${name}`, { detail, bubbles: true, composed: true }));
}
