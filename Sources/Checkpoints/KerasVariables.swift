internal import ModelCore

/// What the numbered variables of a Keras 3 file are to their layer.
///
/// The files number them; their order is fixed for each class: what is trained, then the rest.
enum KerasVariables {
  /// - Parameters:
  ///   - group: the owner's class in snake case, perhaps with a number behind it.
  ///   - config: the owner's configuration, where there is one.
  ///   - count: how many variables there are.
  /// - Returns: as many names; plain numbers where the class is not known.
  static func roles(of group: String, config: JSONValue?, count: Int) -> [String] {
    guard var roles = known(group) else { return (0..<count).map(String.init) }
    for (flag, role) in [("use_bias", "bias"), ("center", "beta"), ("scale", "gamma")]
    where config?[flag]?.boolean == false {
      roles.removeAll { $0 == role }
    }
    if config == nil, roles.count == count + 1, roles.last == "bias" { roles.removeLast() }
    return roles.count == count ? roles : (0..<count).map(String.init)
  }

  private static func known(_ group: String) -> [String]? {
    var name = group
    if let end = name.lastIndex(of: "_"), Int(name[name.index(after: end)...]) != nil {
      name = String(name[..<end])
    }
    switch name {
    case "dense", "einsum_dense", "conv1d", "conv2d", "conv3d", "conv1d_transpose",
      "conv2d_transpose", "conv3d_transpose", "depthwise_conv1d", "depthwise_conv2d":
      return ["kernel", "bias"]
    case "separable_conv1d", "separable_conv2d":
      return ["depthwise_kernel", "pointwise_kernel", "bias"]
    case "batch_normalization": return ["gamma", "beta", "moving_mean", "moving_variance"]
    case "layer_normalization", "group_normalization": return ["gamma", "beta"]
    case "embedding": return ["embeddings"]
    case "p_re_lu": return ["alpha"]
    case "lstm_cell", "gru_cell", "simple_rnn_cell": return ["kernel", "recurrent_kernel", "bias"]
    default: return nil
    }
  }
}
