internal import ModelCore

/// Functions of `keras.ops` that were called on a model's tensors: `x * 2.0 + y` makes two.
///
/// Keras lists them among the layers, under names like theirs, but they are none: they have no
/// settings of a layer, may be given numbers, and own nothing in a file.
extension KerasLayerReader {
  /// What the operation computes when it is called with these; `.unsupported` where the engine
  /// cannot.
  func operation(_ arguments: [KerasGraph.Argument]) -> Layer.Kind {
    let numbers = arguments.compactMap(\.number)
    let tensors = arguments.count { $0 == .tensor }
    if arguments.count == 2, tensors == 1, let number = numbers.first {
      if let kind = arithmetic(number, isFirst: arguments[1] == .tensor) { return kind }
    }
    if arguments.count == 2, tensors == 2, let kind = join { return kind }
    if arguments.count == 1, tensors == 1, let kind = function { return kind }
    return .unsupported(
      className: className, reason: "the engine has no such operation of keras.ops")
  }

  /// A tensor and a number, in either order.
  private func arithmetic(_ number: Double, isFirst: Bool) -> Layer.Kind? {
    func line(_ scale: Double, _ offset: Double) -> Layer.Kind? {
      let values = [Float(scale), Float(offset)]
      guard values.allSatisfy(\.isFinite) else { return nil }
      return .affine(.rescaling(scale: [values[0]], offset: [values[1]]))
    }
    switch className {
    case "Add": return line(1, number)
    case "Multiply": return line(number, 0)
    case "Subtract": return isFirst ? line(-1, number) : line(1, -number)
    case "TrueDivide", "Divide": return isFirst ? nil : line(1 / number, 0)
    case "Maximum": return number == 0 ? .activation(.relu) : nil
    default: return nil
    }
  }

  /// Two tensors.
  private var join: Layer.Kind? {
    switch className {
    case "Add": .add
    case "Subtract": .merge(.subtract)
    case "Multiply": .merge(.multiply)
    case "Maximum": .merge(.maximum)
    case "Minimum": .merge(.minimum)
    default: nil
    }
  }

  /// One tensor, and no settings but a softmax's usual axis.
  private var function: Layer.Kind? {
    let settings = config.object ?? [:]
    let usual = settings.allSatisfy { key, value in
      key == "name" || key == "axis" && value.integer == -1 && className.hasSuffix("Softmax")
    }
    guard usual else { return nil }
    let activation = KerasLayerReader(
      className: "Activation", name: name,
      config: .object(["activation": .string(KerasLayerEntry.snakeCase(className))]), keras: keras)
    if case .activation(let function) = activation.kind { return .activation(function) }
    return nil
  }
}
