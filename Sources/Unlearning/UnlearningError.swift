internal import ModelCore

/// A request that cannot be carried out.
public enum UnlearningError: Error, Hashable, Sendable, CustomStringConvertible {
  case nothingToForget
  case row(Int, count: Int)
  case duplicateRow(Int)
  case classIndex(Int, count: Int)
  case emptyClass(Int)
  case nothingRetained(count: Int)
  case everyClassForgotten(count: Int)
  case unseenTooSmall(found: Int, needed: Int)
  /// The model is right about unseen samples as often as chance is.
  case ignorance(accuracy: Double, chance: Double, count: Int)
  case layout(split: String, expected: String, found: String)
  case maxCost(Double)
  case setting(method: String, name: String, value: String, expected: String)
  case unknownSetting(method: String, name: String, known: [String])
  case scenario(method: String, expected: String)
  case labelIsRight(row: Int)
  case needsRetained(method: String)
  case needsRecords(method: String)
  /// Too small a budget for what the method cannot do without.
  case budget(method: String, purpose: String, needed: Double, found: Double)
  case architecture(method: String, reason: String)
  case bound(String)
  /// Weights were mixed with fresh ones before.
  case resetBefore
  case output(String)
  case unknownMethod(String, known: [String])

  public var description: String {
    switch self {
    case .nothingToForget: "there is nothing to forget: no sample is named"
    case .row(let row, let count):
      "row \(row) is not among the \(count) training samples"
    case .duplicateRow(let row): "row \(row) is named twice"
    case .classIndex(let index, let count):
      "class \(index) is not among the \(count) classes the model tells apart"
    case .emptyClass(let index): "class \(index) has no training sample"
    case .nothingRetained(let count):
      "all \(count) training samples would be forgotten; train a new model instead"
    case .everyClassForgotten(let count):
      "all \(count) classes would be forgotten; at least one has to stay"
    case .unseenTooSmall(let found, let needed):
      "expected at least \(needed) unseen samples to compare with, found \(found)"
    case .ignorance(let accuracy, let chance, let count):
      "the model answers \(Text.percent(accuracy)) of \(count.grouped) unseen samples rightly, and chance "
        + "would \(Text.percent(chance)): it was not trained on samples like these, or on such whose "
        + "values are scaled, or whose classes are ordered, in another way"
    case .layout(let split, let expected, let found):
      "the \(split) samples do not fit the model: expected \(expected), found \(found)"
    case .maxCost(let share):
      "expected a budget above 0 as a share of retraining's cost, found \(share)"
    case .setting(let method, let name, let value, let expected):
      "\(method): \(name) is \(value), expected \(expected)"
    case .unknownSetting(let method, let name, let known):
      known.isEmpty
        ? "\(method) has nothing to set, not \(name)"
        : "\(method) has no '\(name)'; it has \(known.joined(separator: ", "))"
    case .scenario(let method, let expected): "the method '\(method)' forgets \(expected) only"
    case .labelIsRight:
      "a record's right label is the one that it has in the file already; leave it out"
    case .needsRetained(let method):
      "the method '\(method)' needs the retained samples; only match does without"
    case .needsRecords(let method):
      "the method '\(method)' needs the poisoned records by id; only match does with a trigger alone"
    case .budget(let method, let purpose, let needed, let found):
      "\(method): \(purpose) \(Text.percent(needed, digits: needed < 0.01 ? 2 : 1)) of retraining's "
        + "cost, the budget leaves \(Text.percent(max(0, found), digits: 2)); raise --max-cost"
    case .architecture(let method, let reason):
      "the method '\(method)' cannot work on this network: \(reason)"
    case .resetBefore:
      "match --deep: this model went part of the way back to fresh weights before, and a second time "
        + "ruins it; leave out --deep, or retrain"
    case .bound(let reason): "certified: \(reason)"
    case .output(let reason): "the model cannot be unlearned: \(reason)"
    case .unknownMethod(let name, let known):
      "there is no method '\(name)'; there are \(known.joined(separator: ", "))"
    }
  }
}
