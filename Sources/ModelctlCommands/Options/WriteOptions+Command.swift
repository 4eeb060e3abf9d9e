internal import Checkpoints
internal import Foundation
internal import ModelCore
internal import Unlearning

extension WriteOptions {
  /// How every command writes: under our name and version, and until somebody interrupts.
  static var interruptible: WriteOptions {
    WriteOptions(
      producer: "modelctl \(Modelctl.version)", checkInterruption: Interruption.check)
  }
}

extension ProvenanceEntry {
  /// What a file remembers of an unlearning: what was done and measured, nobody's id.
  ///
  /// - Parameters:
  ///   - ledger: keyed commitments to the forgotten ids, where the operator has a key.
  ///   - time: only where somebody asks for it: the same request makes the same bytes.
  init(unlearning report: UnlearningReport, ledger: JSONValue?, time: Date?) throws {
    let text = String(decoding: try OutputOptions.encode(report), as: UTF8.self)
    guard case .object(var details) = try JSONValue(parsing: text) else {
      throw CommandError(.internalFailure, "the report is no JSON object")
    }
    let count = report.scenario.forgetCount
    details["summary"] = .string(
      "\(count.grouped) samples by \(report.method.name), \(report.verdict.outcome.rawValue)")
    details["ledger"] = ledger
    details["time"] = time.map { .string($0.formatted(.iso8601)) }
    self.init(operation: "unlearn", details: .object(details))
  }
}
