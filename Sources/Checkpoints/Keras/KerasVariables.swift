internal import ModelCore

/// What the numbered variables of a Keras 3 file are to their layer.
///
/// The files number them; their order is fixed for each class: what is trained, then the rest.
enum KerasVariables {
  /// Those that training does not move.
  static let untrained: Set = [
    "moving_mean", "moving_variance", "mean", "variance", "count",
  ]

  /// - Parameters:
  ///   - group: the owner's class in snake case, perhaps with a number behind it.
  ///   - config: the owner's configuration, where there is one.
  ///   - count: how many variables there are.
  /// - Returns: as many names; plain numbers where the class is not known.
  static func roles(of group: String, config: JSONValue?, count: Int) -> [String] {
    let numbers = (0..<count).map(String.init)
    guard var roles = names(of: group, config: config ?? .object([:])) else { return numbers }
    if config == nil, roles.count == count + 1, roles.last == "bias" { roles.removeLast() }
    return roles.count == count ? roles : numbers
  }

  /// The variables of an owner's own, as its configuration has them; nil for a class that is not
  /// known, which may have none.
  static func names(of group: String, config: JSONValue) -> [String]? {
    guard var roles = known(group, config) else { return nil }
    for (flag, role) in [("use_bias", "bias"), ("center", "beta"), ("scale", "gamma")]
    where config[flag]?.boolean == false {
      roles.removeAll { $0 == role }
    }
    return roles
  }

  private static func known(_ group: String, _ config: JSONValue) -> [String]? {
    var name = KerasObjectStore.publicName(group)
    if let end = name.lastIndex(of: "_"), Int(name[name.index(after: end)...]) != nil {
      name = String(name[..<end])
    }
    switch name {
    case "einsum_dense" where config["bias_axes"]?.isNull == true: return ["kernel"]
    case "dense", "einsum_dense", "conv1d", "conv2d", "conv3d", "conv1d_transpose",
      "conv2d_transpose", "conv3d_transpose", "depthwise_conv1d", "depthwise_conv2d":
      return ["kernel", "bias"]
    // An attention's projections, in files that do not say what its parts are.
    case "query_dense", "key_dense", "value_dense", "output_dense", "gate_dense":
      return ["kernel", "bias"]
    case "separable_conv1d", "separable_conv2d":
      return ["depthwise_kernel", "pointwise_kernel", "bias"]
    case "batch_normalization": return ["gamma", "beta", "moving_mean", "moving_variance"]
    // What it normalizes by is in its configuration, or learned from samples.
    case "normalization":
      return config["mean"].map(\.isNull) ?? true ? ["mean", "variance", "count"] : []
    case "layer_normalization", "group_normalization": return ["gamma", "beta"]
    case "rms_normalization": return ["scale"]
    case "embedding": return ["embeddings"]
    case "p_re_lu": return ["alpha"]
    case "lstm_cell", "gru_cell", "simple_rnn_cell", "conv_lstm_cell":
      return ["kernel", "recurrent_kernel", "bias"]
    case "attention":
      let isScaled = config["use_scale"]?.boolean == true
      let isMixed = config["score_mode"]?.string == "concat"
      return (isScaled ? ["scale"] : []) + (isMixed ? ["concat_score_weight"] : [])
    case "additive_attention": return config["use_scale"]?.boolean == false ? [] : ["scale"]
    case "time_distributed", "bidirectional", "lstm", "gru", "simple_rnn", "conv_lstm1d",
      "conv_lstm2d", "conv_lstm3d", "rnn", "stacked_rnn_cells", "multi_head_attention",
      "group_query_attention", "grouped_query_attention":
      return []
    default: return nil
    }
  }
}
