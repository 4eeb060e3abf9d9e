internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  /// A convolution of few channels, by our own loops.
  func buildInterleavedConvolution(_ node: Node, _ problem: ConvolutionProblem) throws {
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole) else {
      preconditionFailure("\(node.layer) has no kernel")
    }
    let bias = problem.usesBias ? store.slot(node.parameterLayer, "bias") : nil
    let input = node.inputs[0]
    let geometry = problem.kernelGeometry(samples: samples)
    let x = try activation(of: input)
    let output = take(node.form)
    set(output, for: node)
    let (source, target, weights) = (x.pointer, output.pointer, store.pointer(kernel))
    let (shift, relu) = (bias.map(store.pointer), Int32(node.appliesReLU ? 1 : 0))
    let products = problem.kernel.height * problem.kernel.width * problem.inputs
    let range = WeightRange(kernel: weights, count: kernel.count, bias: shift, products: products)
    try boundSums(node, range, hidesNaN: false)
    add(node, "forward") {
      withUnsafePointer(to: geometry) {
        ck_conv_forward(target, source, weights, shift, relu, $0)
      }
    }
    if trains { pool.hold(x) }
    let mask = holdForMask(node, output)
    whenBackward { [self] in
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      let change = incoming.pointer
      writeGradient(of: kernel, node) { dw in
        writeGradient(of: bias, node) { db in
          add(node, "backward weights") {
            withUnsafePointer(to: geometry) {
              ck_conv_backward_weights(dw, db, source, change, $0)
            }
          }
        }
      }
      pool.release(x)
      if needsGradient(input) {
        let outgoing = take(input.form)
        let result = outgoing.pointer
        add(node, "backward data") {
          withUnsafePointer(to: geometry) { ck_conv_backward_data(result, change, weights, $0) }
        }
        contribute(outgoing, to: input)
      }
      pool.release(incoming)
    }
  }
}

extension ConvolutionProblem {
  fileprivate func kernelGeometry(samples: Int) -> ck_conv {
    ck_conv(
      groups: source.groups(samples: samples), inputs: source.channels,
      outputs: destination.channels, h: source.height, w: source.width, oh: destination.height,
      ow: destination.width, kh: kernel.height, kw: kernel.width, sh: geometry.strides[0],
      sw: geometry.strides[1], dh: geometry.dilations[0], dw: geometry.dilations[1],
      top: geometry.paddingBefore[0], left: geometry.paddingBefore[1])
  }
}
