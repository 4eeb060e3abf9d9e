internal import Foundation
internal import ModelCore

/// The ids that a deletion request names: one a line, `#` comments, blank lines, CRLF and a byte
/// order mark tolerated.
struct IdentifierList {
  struct Entry: Hashable {
    let text: String
    /// Counted from one.
    let line: Int
  }

  /// Where the list came from, for messages.
  let name: String
  /// Each id once, in the order of its first line.
  let entries: [Entry]
  /// Lines that repeat an id.
  let duplicates: [Entry]

  /// - Parameter path: a file, or `-` for standard input.
  /// - Throws: `CommandError` when the file cannot be read, is not UTF-8 or names no id.
  init(path: String) throws {
    let data: Data
    if path == "-" {
      data = FileHandle.standardInput.readDataToEndOfFile()
    } else {
      data = try Self.contents(of: path)
    }
    try self.init(data, name: path == "-" ? "standard input" : path.quoted)
  }

  init(_ data: Data, name: String) throws {
    guard let decoded = String(validating: data, as: UTF8.self) else {
      throw CommandError(.badInput, "\(name) is not a list of ids: it is not UTF-8 text")
    }
    var entries: [Entry] = []
    var duplicates: [Entry] = []
    var seen: Set<String> = []
    let text = decoded.hasPrefix("\u{FEFF}") ? decoded.dropFirst() : decoded[...]
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      let id = line.trimmingCharacters(in: .whitespaces)
      guard !id.isEmpty, !id.hasPrefix("#") else { continue }
      let entry = Entry(text: id, line: index + 1)
      if seen.insert(id).inserted { entries.append(entry) } else { duplicates.append(entry) }
    }
    guard !entries.isEmpty else { throw CommandError(.badInput, "\(name) names no ids") }
    self.name = name
    self.entries = entries
    self.duplicates = duplicates
  }

  private static func contents(of path: String) throws -> Data {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CommandError(.inputMissing, "cannot open \(path.quoted): no such file")
    }
    guard !isDirectory.boolValue else {
      throw CommandError(.badInput, "cannot read ids from \(path.quoted): it is a folder")
    }
    // A handle also reads a pipe, such as a shell's <(…).
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.readToEnd() ?? Data()
    else { throw CommandError(.readOrWriteFailed, "cannot read \(path.quoted)") }
    return data
  }

  /// The first few entries with their lines, as a message quotes them.
  static func quote(_ entries: [Entry]) -> String {
    let shown = entries.prefix(3).map { "\($0.text.quoted) (line \($0.line))" }
    let more = entries.count > 3 ? " and \((entries.count - 3).grouped) more" : ""
    return shown.joined(separator: ", ") + more
  }
}
