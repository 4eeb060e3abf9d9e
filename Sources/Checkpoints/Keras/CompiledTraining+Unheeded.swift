internal import ModelCore

extension CompiledTraining {
  /// What a compile configuration asks for and training here does not do, in words; empty when a
  /// run follows it in all that changes the result.
  ///
  /// - Parameter text: a `training_config`, or the `compile_config` of a `.keras` file.
  static func unheeded(in text: String) -> [String] {
    guard let root = try? JSONValue(parsing: text) else { return ["a text that is no JSON"] }
    return optimizer(in: root) + loss(in: root["loss"]) + weights(in: root)
  }

  private static func optimizer(in root: JSONValue) -> [String] {
    guard let entry = root["optimizer_config"] ?? root["optimizer"], let config = entry["config"]
    else { return [] }
    guard CompiledTraining(root) != nil else {
      let name = entry["class_name"]?.string ?? "?"
      let rate = (config["learning_rate"] ?? config["lr"])?["class_name"]?.string
      return ["the optimizer \(name)" + (rate.map { " with \($0)" } ?? "")]
    }
    var result: [String] = []
    if config["use_ema"]?.boolean == true { result.append("use_ema") }
    if let steps = config["gradient_accumulation_steps"]?.integer, steps > 1 {
      result.append("gradient_accumulation_steps \(steps)")
    }
    return result
  }

  /// The engine minimizes the cross-entropy of whole or spread labels.
  private static func loss(in json: JSONValue?) -> [String] {
    guard let json else { return [] }
    if let name = json.string { return isHeeded(name) ? [] : ["the loss \(name)"] }
    if let name = json["class_name"]?.string, json["config"] != nil {
      let smoothing = TrainingRecipe.float(json["config"]?["label_smoothing"]) ?? 0
      if !isHeeded(name) { return ["the loss \(name)"] }
      return smoothing > 0 ? ["label_smoothing \(smoothing)"] : []
    }
    // One for each output, by its name or in order.
    return parts(of: json).flatMap { loss(in: $0) }
  }

  private static func isHeeded(_ loss: String) -> Bool {
    let name = loss.lowercased().filter { $0 != "_" }
    return [
      "categoricalcrossentropy", "sparsecategoricalcrossentropy", "binarycrossentropy",
    ].contains(name)
  }

  private static func weights(in root: JSONValue) -> [String] {
    guard let weights = root["loss_weights"] else { return [] }
    let isEven = (parts(of: weights) + [weights]).allSatisfy { ($0.number ?? 1) == 1 }
    return isEven ? [] : ["loss_weights"]
  }

  /// What there is for each output, in an order that does not change.
  private static func parts(of json: JSONValue) -> [JSONValue] {
    json.array ?? json.object.map { $0.sorted { $0.key < $1.key }.map(\.value) } ?? []
  }
}
