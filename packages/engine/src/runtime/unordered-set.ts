/** A member of an `UnorderedSet`. */
export interface SetMember {
  /** Its position in the set, which alone writes it; -1 = it is in none. */
  position: number;
}

/**
 * A set whose members come and go with every call. Each member can be in one such set at a time.
 *
 * A `Set` is wrong for that. It replaces its table every few changes, and V8 links the replaced table to the new one. Once such a
 * table has reached the old generation, everything that was ever a member of a later one is kept until the next full garbage
 * collection, however short its life was.
 */
export class UnorderedSet<Member extends SetMember> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  has(member: Member): boolean {
    return member.position >= 0 && this.#members[member.position] === member;
  }

  add(member: Member): void {
    if (this.has(member)) return;
    member.position = this.#members.length;
    this.#members.push(member);
  }

  /** False = it was not in the set. */
  delete(member: Member): boolean {
    if (!this.has(member)) return false;
    const last = this.#members.pop()!;
    if (last !== member) {
      last.position = member.position;
      this.#members[member.position] = last;
    }
    member.position = -1;
    return true;
  }

  /** The members now. The list may be read while the set changes. */
  list(): Member[] {
    return this.#members.slice();
  }
}
