internal import ModelCore
internal import OneDNN

extension Graph {
  /// Decides how every activation lies in memory, and inserts the conversions that are left.
  mutating func chooseForms() throws {
    let consumers = consumers()
    for node in nodes {
      switch node.work {
      case .input: node.form = inputForm(node, consumers)
      case .function, .dropout, .noise: node.form = node.inputs[0].form
      case .pool, .pad: node.form = node.form.stored(as: node.inputs[0].form)
      case .normalization: node.form = normalized(node)
      case .convolution:
        if node.groups > 1 {
          node.form = groupedForm(node)
        } else if prefersInterleaving(node, consumers) {
          node.form = node.form.interleaved
        }
      case .add, .merge:
        if node.inputs.allSatisfy(\.form.isInterleaved) { node.form = node.form.interleaved }
      case .flatten: node.form = flattened(node, consumers)
      case .concatenate(let rows): if rows != nil { node.form = node.form.channelsLast }
      case .dense, .convert, .transposedConvolution: break
      default: node.form = node.form.channelsLast
      }
    }
    insertConversions()
  }

  /// A conversion is cheap, none is cheaper.
  private func inputForm(_ node: Node, _ consumers: [Node: [Node]]) -> Form {
    guard !node.form.isVector else { return node.form }
    let readers = consumers[node] ?? []
    if readers.allSatisfy({ $0.isFlatten && readsAnyOrder($0, consumers) }) {
      return node.form.channelsLast
    }
    if readers.allSatisfy({ prefersInterleaving($0, consumers) }) {
      return node.form.interleaved
    }
    let readsPlanes = readers.allSatisfy {
      if case .convolution = $0.work { return $0.groups == 1 && !$0.isShared }
      return false
    }
    return readsPlanes && Self.takesPlanes(node.form.channels)
      ? node.form.planar : node.form.blocked
  }

  /// Blocks of channels may not lie across the border of two groups.
  private func groupedForm(_ node: Node) -> Form {
    let (inputs, outputs, groups) = (node.inputs[0].form.channels, node.form.channels, node.groups)
    let lanes = Form.preferredLanes
    // Dilated ones exist in blocks as oneDNN's slow reference only.
    let isDepthwise = inputs == groups && outputs == groups && !node.isDilated
    let fillsBlocks = inputs / groups % lanes == 0 && outputs / groups % lanes == 0
    return isDepthwise || fillsBlocks ? node.form.blocked : node.form.planar
  }

  /// Without AVX-512, oneDNN has a weight gradient for planes of colour images only.
  private static func takesPlanes(_ channels: Int) -> Bool {
    Processor.hasAVX512 ? channels <= 3 : channels == 3
  }

  /// A dense layer takes any order, since its weights are put into the same.
  private func flattened(_ node: Node, _ consumers: [Node: [Node]]) -> Form {
    guard readsAnyOrder(node, consumers) else { return node.form }
    let form = node.inputs[0].form
    return form.isInterleaved ? form.planar : form
  }

  /// Statistics are taken over lanes that are channels.
  private func normalized(_ node: Node) -> Form {
    let form = node.inputs[0].form
    return form.isInterleaved ? form.blocked : node.form.stored(as: form)
  }

  /// Whether a convolution has so few channels that blocks of them would be mostly padding, and
  /// 16 samples fill a vector better.
  private func prefersInterleaving(_ node: Node, _ consumers: [Node: [Node]]) -> Bool {
    guard case .convolution = node.work, Processor.hasAVX512, node.groups == 1, !node.isShared
    else { return false }
    let (inputs, outputs) = (node.inputs[0].form.channels, node.form.channels)
    guard inputs < 16 else { return false }
    // Planes of up to 3 channels are read without padding.
    let padded = (inputs <= 3 ? inputs : 16) * ((outputs + 15) / 16 * 16)
    guard 2 * padded >= 3 * inputs * outputs else { return false }
    return (consumers[node] ?? []).allSatisfy {
      if case .normalization = $0.work { return false }
      return true
    }
  }

  private func readsAnyOrder(_ node: Node, _ consumers: [Node: [Node]]) -> Bool {
    guard node !== output else { return false }
    return (consumers[node] ?? []).allSatisfy {
      switch $0.work {
      case .dense: !$0.isShared
      case .function, .dropout: readsAnyOrder($0, consumers)
      default: false
      }
    }
  }

  private mutating func insertConversions() {
    var result: [Node] = []
    for node in nodes {
      for (index, input) in node.inputs.enumerated() {
        guard let wanted = node.wantedForm(ofInput: index), !input.form.isSameMemory(as: wanted)
        else { continue }
        let conversion = Node(after: input, .convert, form: wanted)
        node.inputs[index] = conversion
        result.append(conversion)
      }
      result.append(node)
    }
    nodes = result
  }
}

extension Node {
  /// The groups of channels that a convolution keeps apart.
  var groups: Int {
    guard case .convolution(let convolution, _) = work,
      case .grouped(let groups) = convolution.mixing
    else { return 1 }
    return groups
  }

  fileprivate var isDilated: Bool {
    guard case .convolution(let convolution, _) = work else { return false }
    return convolution.extent != convolution.kernelSize
  }

  fileprivate var isFlatten: Bool {
    if case .flatten = work { return true }
    return false
  }

  /// The form in which a step has to read an input; nil when any will do.
  fileprivate func wantedForm(ofInput index: Int) -> Form? {
    let input = inputs[index].form
    switch work {
    case .convolution:
      if form.isInterleaved { return input.interleaved }
      if groups > 1 { return form.lanes == 1 ? input.planar : input.blocked }
      return input.lanes == 1 && !isShared ? nil : input.blocked
    case .transposedConvolution: return input.blocked
    case .add, .merge: return form
    case .concatenate(let rows):
      if rows != nil { return input.channelsLast }
      return input.isInterleaved ? input.blocked : nil
    case .normalization: return index == 1 || input.isInterleaved ? form : nil
    case .flatten:
      // A view that a dense layer reads as it is, or Keras's order of elements.
      if form == input { return nil }
      return form.isVector ? input.channelsLast : form
    case .input, .dense, .pool, .pad, .function, .dropout, .noise, .convert: return nil
    case .softmax, .logSoftmax, .groupNormalization, .embedding, .affine, .parametricReLU,
      .reshape, .linear:
      return input.channelsLast
    }
  }
}

extension Form {
  /// These extents, in memory like another form.
  fileprivate func stored(as other: Form) -> Form {
    Form(
      channels: channels, height: height, width: width,
      lanes: other.lanes, isInterleaved: other.isInterleaved)
  }
}
