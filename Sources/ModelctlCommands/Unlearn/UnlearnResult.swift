internal import Engine
internal import Foundation
internal import ModelCore
internal import Unlearning

/// What `modelctl unlearn` prints: the engine's report, and what happened to the files.
///
/// - SeeAlso: `Schemas/report/unlearn-1.schema.json`.
struct UnlearnResult: Encodable, CustomStringConvertible {
  /// What became of the list of ids.
  struct Request: Encodable {
    /// Distinct ids given; absent when classes are forgotten.
    let ids: Int?
    let duplicates: Int
    let unknown: Int
    let outsideTraining: Int
  }

  /// What it took by the clock; shares of retraining are of an estimate.
  struct Time: Encodable {
    let seconds: Double
    /// Retraining's sample passes at the pace of this run's steps; absent when it took none.
    let retrainingSeconds: Double?
    let share: Double?

    init(_ timing: Timing) {
      seconds = timing.seconds
      retrainingSeconds = timing.retrainingSeconds
      share = timing.share
    }
  }

  /// The file that the samples are in, when it is not the model's own.
  struct DataFile: Encodable {
    let file: String
    /// Where its copy without the records is; absent when it is left as it is.
    let output: String?
    let removedRows: [String: Int]

    fileprivate var text: String {
      guard let output else {
        return "\(file.quoted) still holds these records; --data-out writes it without them"
      }
      let left = output == file ? "" : "; \(file.quoted) still holds them"
      return "wrote \(output.quoted) without them (\(UnlearnResult.text(removedRows)))\(left)"
    }
  }

  let report: UnlearningReport
  let request: Request
  let time: Time
  let input: String
  /// Absent when nothing was written.
  let output: String?
  /// How many rows each split lost in the output.
  let removedRows: [String: Int]
  let data: DataFile?
  /// Only with `--profile`.
  var profile: Profile?

  private enum CodingKeys: String, CodingKey {
    case request, time, input, output, removedRows, data, profile
  }

  /// The report's members and our own, in one object.
  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(request, forKey: .request)
    try container.encode(time, forKey: .time)
    try container.encode(input, forKey: .input)
    try container.encodeIfPresent(output, forKey: .output)
    try container.encode(removedRows, forKey: .removedRows)
    try container.encodeIfPresent(data, forKey: .data)
    try container.encodeIfPresent(profile, forKey: .profile)
  }

  private var timeText: String {
    func text(_ seconds: Double) -> String {
      String(format: seconds < 10 ? "%.1f s" : "%.0f s", seconds)
    }
    let took = "time      \(text(time.seconds))"
    guard let whole = time.retrainingSeconds, let share = time.share else { return took }
    let percent = String(format: "%.0f %%", 100 * share)
    return took + ", about \(percent) of the \(text(whole)) that retraining would take"
  }

  var description: String {
    guard let output else {
      return "\(report)\n\(timeText)\n\nnothing was written; \(input.quoted) is as it was"
    }
    let rows = removedRows.isEmpty ? "" : " without these records (\(Self.text(removedRows)))"
    return "\(report)\n\(timeText)\n\nwrote \(output.quoted)\(rows)"
      + (data.map { "\n\($0.text)" } ?? "")
  }

  private static func text(_ rows: [String: Int]) -> String {
    rows.keys.sorted().map { "\((rows[$0] ?? 0).grouped) of \($0.quoted)" }
      .joined(separator: ", ")
  }
}

/// What `modelctl unlearn --dry-run` prints.
///
/// - SeeAlso: `Schemas/report/unlearn-plan-1.schema.json`.
struct UnlearnPlan: Encodable, CustomStringConvertible {
  let schema = "modelctl/unlearn-plan/1"
  let input: String
  let output: String?
  let method: String
  let request: UnlearnResult.Request
  let forgetCount: Int
  let retainCount: Int
  let removedRows: [String: Int]
  /// Sample passes of retraining: epochs times retained samples.
  let retrainingPasses: Double
  /// The largest share of them that an attempt may take; absent without a limit.
  let largestShare: Double?

  var description: String {
    let share = largestShare.map { String(format: "at most %.1f %%", $0 * 100) } ?? "up to all"
    return """
      would forget \(forgetCount.grouped) of \((forgetCount + retainCount).grouped) training \
      samples by \(method), for \(share) of retraining's \
      \(Int(retrainingPasses).grouped) sample passes
      """
  }
}
