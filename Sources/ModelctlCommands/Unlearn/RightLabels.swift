internal import Checkpoints
internal import Foundation

/// The right classes of records whose labels in the file are wrong: an id and a class a line.
struct RightLabels {
  /// The class of each id's text.
  let classes: [String: Int32]

  /// - Parameter path: lines of an id, then a tab, a comma or a space, then a class by name or index.
  init(path: String, in checkpoint: Checkpoint, classCount: Int) throws {
    let lines = try IdentifierList(path: path)
    var classes: [String: Int32] = [:]
    for entry in lines.entries {
      guard let gap = entry.text.lastIndex(where: { "\t, ".contains($0) }) else {
        throw CommandError(
          .badInput,
          "\(lines.name), line \(entry.line): expected an id and a class, found one word")
      }
      let id = entry.text[..<gap].trimmingCharacters(in: CharacterSet(charactersIn: "\t, "))
      let label = String(entry.text[entry.text.index(after: gap)...])
      let index = try checkpoint.classIndex(named: label, classCount: classCount)
      guard classes.updateValue(Int32(index), forKey: id) == nil else {
        throw CommandError(
          .badInput, "\(lines.name), line \(entry.line): \(id.quoted) is given twice")
      }
    }
    self.classes = classes
  }
}
