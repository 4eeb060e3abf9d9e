public import ModelCore

/// The samples that an audit asks about.
public struct AuditSamples {
  /// What the original model was trained on.
  public let train: any SampleSource
  /// Rows of `train` that are to be forgotten, ascending.
  public let forgetRows: [Int]
  /// All other rows of `train`, ascending.
  public let retainRows: [Int]
  /// Samples that neither model was trained on, nor unlearned with.
  public let strangers: any SampleSource
  /// Those that are asked about, ascending.
  public let askedForgetRows: [Int]
  public let askedRetainRows: [Int]
  public let askedStrangerRows: [Int]

  /// - Parameters:
  ///   - forgetRows: ascending rows of `train`, without duplicates.
  ///   - strangerRows: ascending rows of `strangers` that may be asked about.
  ///   - limit: how many of each kind are asked about at most.
  ///   - seed: decides which.
  /// - Throws: `AuditError` when a kind is empty.
  public init(
    train: any SampleSource, forgetRows: [Int], strangers: any SampleSource, strangerRows: [Int],
    limit: Int = 5000, seed: UInt64 = 0
  ) throws(AuditError) {
    guard !forgetRows.isEmpty else { throw .nothingToForget }
    var isForgotten = [Bool](repeating: false, count: train.layout.count)
    for row in forgetRows {
      guard isForgotten.indices.contains(row) else { throw .row(row, count: train.layout.count) }
      isForgotten[row] = true
    }
    retainRows = isForgotten.indices.filter { !isForgotten[$0] }
    guard !retainRows.isEmpty else { throw .nothingRetained(count: isForgotten.count) }
    guard !strangerRows.isEmpty else { throw .noStrangers }
    self.train = train
    self.forgetRows = forgetRows
    self.strangers = strangers
    func some(_ rows: [Int], _ purpose: String) -> [Int] {
      guard rows.count > limit else { return rows }
      var random = SeededGenerator(seed: seed, stream: "audit/\(purpose)")
      var shuffled = rows
      random.shuffle(&shuffled)
      return shuffled[..<limit].sorted()
    }
    askedForgetRows = some(forgetRows, "forget")
    askedRetainRows = some(retainRows, "retain")
    askedStrangerRows = some(strangerRows, "strangers")
  }
}

/// An audit that cannot be carried out.
public enum AuditError: Error, Hashable, Sendable, CustomStringConvertible {
  case nothingToForget
  case row(Int, count: Int)
  case nothingRetained(count: Int)
  case noStrangers
  case recipeUnknown

  public var description: String {
    switch self {
    case .nothingToForget: "there is nothing to audit: no forgotten sample is named"
    case .row(let row, let count): "row \(row) is not among the \(count) training samples"
    case .nothingRetained(let count):
      "all \(count) training samples are forgotten: there is nothing to compare with"
    case .noStrangers: "no sample is left that neither model was trained on"
    case .recipeUnknown:
      "shadow models are trained as the original was, and the file does not say how; pass --epochs"
    }
  }
}
