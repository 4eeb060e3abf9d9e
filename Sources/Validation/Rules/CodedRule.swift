/// The rules that a layout cannot say, because they tie things together that lie apart.
///
/// - SeeAlso: `Schemas/README.md`, which lists them, and the layouts, which hold all others.
public enum CodedRule: String, CaseIterable, Sendable {
  case opens = "MC001"
  case unknown = "MC002"
  case uniqueIdentifiers = "MC003"
  case oneKindOfIdentifier = "MC004"
  case targets = "MC005"
  case manifest = "MC007"
  case contentDigest = "MC008"
  case provenanceChain = "MC009"
  case lastRecord = "MC010"
  case optimizerAfterUnlearning = "MC011"
  case configuration = "MC012"
  case weights = "MC013"
  case finiteWeights = "MC014"
  case unusedBytes = "MC015"
  case deletedStrings = "MC016"
  case sharedBytes = "MC017"
  case unreadableStructure = "MC018"

  case forgottenIdentifier = "MC030"
  case identifierElsewhere = "MC031"
  case sameContent = "MC032"
  case storedChunk = "MC033"
  case rowBytes = "MC034"
  case optimizerState = "MC035"
  case notInOriginal = "MC036"

  /// How much breaking the rule matters, unless the kind of file says otherwise.
  public var severity: Finding.Severity {
    switch self {
    case .unknown: .note
    case .lastRecord, .optimizerAfterUnlearning, .finiteWeights, .unreadableStructure, .sameContent,
      .notInOriginal:
      .warning
    default: .error
    }
  }

  /// What the rule asks for.
  public var title: String {
    switch self {
    case .opens: "the file opens as a checkpoint"
    case .unknown: "everything in the file is known"
    case .uniqueIdentifiers: "ids are unique over all splits"
    case .oneKindOfIdentifier: "the ids of a file are of one kind"
    case .targets: "targets are classes that exist, or probabilities"
    case .manifest: "the manifest lists every array as it is"
    case .contentDigest: "the content digest is that of the manifest"
    case .provenanceChain: "each record of the provenance holds the digest of the one before"
    case .lastRecord: "the last record of the provenance led to this file"
    case .optimizerAfterUnlearning: "no optimizer state is left after unlearning"
    case .configuration: "the model's configuration can be read"
    case .weights: "the weights are those of the architecture"
    case .finiteWeights: "weights are finite"
    case .unusedBytes: "no unused byte holds anything"
    case .deletedStrings: "every stored string is somebody's"
    case .sharedBytes: "no byte belongs to two objects"
    case .unreadableStructure: "the file's structures can be followed"
    case .forgottenIdentifier: "no split has a forgotten id"
    case .identifierElsewhere: "no forgotten id is found elsewhere in the file"
    case .sameContent: "no other record equals a forgotten one"
    case .storedChunk: "no stored chunk that held a forgotten record is left"
    case .rowBytes: "the bytes of a forgotten record are nowhere in the file"
    case .optimizerState:
      "no state of a training run, which holds traces of forgotten records, is left"
    case .notInOriginal: "every forgotten id is in the original"
    }
  }
}
