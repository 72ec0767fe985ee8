// Where JSON breaks: line, column and a sentence, the same in every browser. JSON.parse decides whether it is JSON.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;

  class Fault extends Error {
    constructor(offset, message) {
      super(message);
      this.offset = offset;
    }
  }

  const SPACE = /[ \t\r\n]*/y;
  const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  const WORD = /[A-Za-z_$][\w$]*/y;

  const matchAt = (pattern, text, offset) => {
    pattern.lastIndex = offset;
    return pattern.exec(text)?.[0] ?? "";
  };

  // Walks the text as a JSON reader would and throws a Fault at the first place that breaks.
  class Walker {
    constructor(text) {
      this.text = text;
      this.at = 0;
    }

    skip() {
      this.at += matchAt(SPACE, this.text, this.at).length;
      if (this.text.startsWith("//", this.at) || this.text.startsWith("/*", this.at)) this.fail("JSON has no comments");
      return this.text[this.at];
    }

    fail(message, offset = this.at) {
      throw new Fault(offset, message);
    }

    whole() {
      this.value();
      if (this.skip() !== undefined) this.fail("something follows after the end");
    }

    value() {
      const next = this.skip();
      if (next === undefined) this.fail("the text ends where a value is expected");
      if (next === "{") return this.record();
      if (next === "[") return this.list();
      if (next === '"') return this.string();
      if (next === "'" || next === "“" || next === "”") this.fail('strings stand in straight double quotes: "…"');
      if (next === "-" || (next >= "0" && next <= "9")) return this.number();
      return this.word();
    }

    number() {
      const found = matchAt(NUMBER, this.text, this.at);
      if (!found) this.fail("a minus needs a number behind it");
      const behind = this.text[this.at + found.length];
      if (found === "0" && /\d/.test(behind ?? "")) this.fail("a number does not begin with 0");
      if (/[\w.+-]/.test(behind ?? "")) this.fail("this is no number of JSON");
      this.at += found.length;
    }

    word() {
      const found = matchAt(WORD, this.text, this.at);
      if (["true", "false", "null"].includes(found)) {
        this.at += found.length;
        return;
      }
      if (["true", "false", "null", "none"].includes(found.toLowerCase())) this.fail("write true, false and null in small letters");
      if (found === "NaN" || found === "Infinity") this.fail(`JSON has no ${found}`);
      this.fail(found ? `${found} is no value: a string stands in double quotes` : "a value is expected here");
    }

    string() {
      const start = this.at;
      this.at += 1;
      for (;;) {
        const next = this.text[this.at];
        if (next === undefined) this.fail("this string is not closed", start);
        if (next === "\n" || next === "\r") this.fail("a line ends inside a string: close it, or write \\n");
        if (next < " ") this.fail("a control character inside a string: write it as \\u00…");
        if (next === "\\") {
          if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(this.text.slice(this.at, this.at + 6))) {
            this.fail('no escape of JSON: a backslash itself is written \\\\');
          }
          this.at += this.text[this.at + 1] === "u" ? 6 : 2;
          continue;
        }
        this.at += 1;
        if (next === '"') return;
      }
    }

    record() {
      this.members("{", "}", () => {
        const next = this.skip();
        if (next !== '"') this.fail("a name in double quotes is expected here");
        this.string();
        if (this.skip() !== ":") this.fail("a colon is missing behind the name");
        this.at += 1;
        this.value();
      });
    }

    list() {
      this.members("[", "]", () => this.value());
    }

    members(open, close, member) {
      const start = this.at;
      this.at += 1;
      if (this.skip() === close) {
        this.at += 1;
        return;
      }
      for (;;) {
        member();
        const next = this.skip();
        if (next === close) {
          this.at += 1;
          return;
        }
        if (next === undefined) this.fail(`the ${open} of line ${lineOf(this.text, start)} is not closed`);
        if (next !== ",") this.fail(`a comma or ${close} is missing here`);
        const comma = this.at;
        this.at += 1;
        if (this.skip() === close) this.fail(`a comma too many in front of ${close}`, comma);
      }
    }
  }

  const lineOf = (text, offset) => text.slice(0, offset).split("\n").length;

  function place(text, offset, message) {
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    const lineEnd = text.indexOf("\n", offset);
    const source = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd);
    return { offset, message, line: lineOf(text, offset), column: offset - lineStart + 1, source };
  }

  // null when the text is a JSON object; else { offset, line, column, message, source } of what is wrong.
  function faultOf(text) {
    if (!text.trim()) return place(text, 0, "empty: a request is one JSON object");
    try {
      const value = JSON.parse(text);
      return tester.requests.isRecord(value) ? null : place(text, 0, "a request is one JSON object: { … }");
    } catch {
      return located(text);
    }
  }

  function located(text) {
    try {
      new Walker(text).whole();
    } catch (fault) {
      if (fault instanceof Fault) return place(text, fault.offset, fault.message);
      return place(text, 0, "nested too deeply");
    }
    return place(text, text.length, "this is no JSON");
  }

  tester.json = { faultOf };
})();
